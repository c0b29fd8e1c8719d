"use strict";
window.lookalike = (() => {
const root = () => document.querySelector(".gradio-container") || document.body;

const dialog = () => {
  let found = document.getElementById("look-dialog");
  if (found) return found;
  found = document.createElement("dialog");
  found.id = "look-dialog";
  found.innerHTML = '<form method="dialog"><button autofocus>Close</button></form><div aria-live="polite"></div>';
  found.addEventListener("click", (event) => {
    if (event.target === found) found.close();
    const zoomed = event.target.closest('[data-do="zoom"]');
    if (zoomed) zoomed.setAttribute("aria-pressed", String(zoomed.getAttribute("aria-pressed") !== "true"));
  });
  root().append(found);
  return found;
};

const show = (...nodes) => {
  dialog().lastElementChild.replaceChildren(...nodes);
  if (!dialog().open) dialog().showModal();
};

const paragraph = (words) => Object.assign(document.createElement("p"), { textContent: words });

const opened = (button) => {
  const image = document.createElement("img");
  image.alt = button.getAttribute("aria-label").replace(/^Open /, "");
  image.src = button.dataset.src;
  const waiting = paragraph("Loading …");
  image.addEventListener("load", () => waiting.remove());
  image.addEventListener("error", () => (waiting.textContent = "The picture cannot be read any more."));
  const facts = button.closest("li").querySelector("dl").cloneNode(true);
  facts.hidden = false;
  show(waiting, image, facts);
};

const behavior = () => (matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");

// what went wrong comes into sight, wherever the controls are
function told(element, watch) {
  watch("value", () => {
    if (element.querySelector(".look-trouble"))
      document.getElementById("look-answer").scrollIntoView({ behavior: behavior(), block: "nearest" });
  });
}

function cards(element, trigger, watch) {
  // below the controls of a narrow page, hits come into sight by themselves
  watch("value", () => {
    const hits = element.querySelector(".look-hits");
    if (hits && hits.getBoundingClientRect().top > innerHeight / 2) {
      document.getElementById("look-answer").scrollIntoView({ behavior: behavior() });
    }
  });
  element.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (!button) return;
    const { do: action, id, box } = button.dataset;
    if (action === "open") opened(button);
    else if (action === "more") trigger("click", { id });
    else if (action === "why") {
      show(paragraph("Comparing …"));
      trigger("expand", { id, box });
    } else {
      const pressed = button.getAttribute("aria-pressed") === "true";
      button.parentElement.querySelectorAll("[aria-pressed]").forEach((one) => one.setAttribute("aria-pressed", "false"));
      button.setAttribute("aria-pressed", String(!pressed));
      trigger("like", { id, mark: action });
    }
  });
}

function review(element, trigger) {
  const marked = () => [...element.querySelectorAll('[data-do="trash"][aria-pressed="true"]')];
  const count = () => {
    const move = element.querySelector('[data-do="move"]');
    if (!move) return;
    const label = `Move ${marked().length} to the trash`;
    if (move.textContent !== label) move.textContent = label;
    move.disabled = !marked().length;
  };
  new MutationObserver(count).observe(element, { childList: true, subtree: true });
  element.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (!button) return;
    const { do: action, id } = button.dataset;
    if (action === "open") opened(button);
    else if (action === "move") trigger("click", { ids: marked().map((one) => one.dataset.id) });
    else if (action === "apart") {
      button.closest("section").remove();
      trigger("like", { id });
    } else button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    count();
  });
  count();
}

function explained(element, watch) {
  watch("value", () => {
    const found = document.createElement("div");
    found.append(...[...element.childNodes].map((node) => node.cloneNode(true)));
    if (dialog().open) show(found);
  });
}

function regions() {
  const field = () => document.querySelector("#look-region textarea, #look-region input");
  const image = () => document.querySelector("#look-query img");
  const box = Object.assign(document.createElement("div"), { className: "look-box" });

  // where the pixels of the picture are, which is shown whole within its element
  const shown = (img) => {
    const outer = img.getBoundingClientRect();
    const scale = Math.min(outer.width / img.naturalWidth, outer.height / img.naturalHeight);
    const width = img.naturalWidth * scale, height = img.naturalHeight * scale;
    return { left: outer.left + (outer.width - width) / 2, top: outer.top + (outer.height - height) / 2, width, height };
  };
  const place = (event, img) => {
    const area = shown(img), within = (share) => Math.min(1, Math.max(0, share));
    return [within((event.clientX - area.left) / area.width), within((event.clientY - area.top) / area.height)];
  };
  const draw = () => {
    const img = image();
    let [x, y, width, height] = (field()?.value || "").split(",").map(Number);
    box.remove();
    if (!img || !(width > 0 && height > 0)) return;
    if (Math.max(x, y, width, height) > 1) {
      [x, width] = [x / img.naturalWidth, width / img.naturalWidth];
      [y, height] = [y / img.naturalHeight, height / img.naturalHeight];
    }
    const area = shown(img), outer = img.parentElement.getBoundingClientRect();
    img.parentElement.style.position = "relative";
    img.parentElement.append(box);
    box.style.left = `${area.left - outer.left + x * area.width}px`;
    box.style.top = `${area.top - outer.top + y * area.height}px`;
    box.style.width = `${width * area.width}px`;
    box.style.height = `${height * area.height}px`;
  };
  const choose = (text) => {
    field().value = text;
    field().dispatchEvent(new Event("input", { bubbles: true }));
  };

  let start = null;
  document.addEventListener("pointerdown", (event) => {
    if (event.button || event.target !== image()) return;
    event.preventDefault();
    start = place(event, image());
    event.target.setPointerCapture(event.pointerId);
  });
  document.addEventListener("pointermove", (event) => {
    if (!start || !image()) return;
    const end = place(event, image());
    const [x, y] = [Math.min(start[0], end[0]), Math.min(start[1], end[1])];
    const [width, height] = [Math.abs(start[0] - end[0]), Math.abs(start[1] - end[1])];
    choose(width > 0.02 && height > 0.02 ? [x, y, width, height].map((share) => share.toFixed(3)).join(",") : "");
  });
  document.addEventListener("pointerup", () => (start = null));
  document.addEventListener("pointercancel", () => (start = null));
  document.addEventListener("input", (event) => event.target === field() && draw());
  document.addEventListener("load", (event) => event.target === image() && draw(), true);
  window.addEventListener("resize", draw);
}

regions();
return { cards, explained, review, told };
})();
