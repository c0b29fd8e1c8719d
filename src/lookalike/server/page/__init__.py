"""The page of the service, in a browser; made of Gradio (https://www.gradio.app)."""
