// What a click does: show a keyframe on its video's stage, follow things through every picture, filter. Without it the page reads as it stands.
"use strict";
(() => {
  const all = (root, selector) => [...root.querySelectorAll(selector)];
  const keys = (text) => new Set((text || "").split(" ").filter(Boolean));

  for (const video of all(document, "section.video:not(.empty)")) {
    const stage = video.querySelector(".stage");
    const frames = all(video, ".frame");
    let lit = new Set();
    let question = null;

    const follow = (things) => {
      lit = things;
      const on = things.size > 0;
      for (const node of all(video, "[data-thing]")) {
        const here = things.has(node.dataset.thing);
        node.classList.toggle("lit", on && here);
        node.classList.toggle("dim", on && !here && !node.matches(".chip") && !node.closest(".evidence"));
        if (node.matches(".chip")) node.setAttribute("aria-pressed", String(here));
      }
      for (const node of all(video, "[data-ends]")) {
        const ends = [...keys(node.dataset.ends)];
        const here = things.size > 1 ? ends.every((e) => things.has(e)) : ends.some((e) => things.has(e));
        node.classList.toggle("lit", on && here);
        node.classList.toggle("dim", on && !here);
      }
      for (const frame of frames) frame.classList.toggle("has", on && all(frame, ".box.lit").length > 0);
      const clear = video.querySelector(".clear");
      if (clear) clear.disabled = !on;
    };

    const show = (key, { scroll = false } = {}) => {
      const frame = frames.find((f) => f.id === key);
      if (!frame) return;
      for (const f of frames) f.setAttribute("aria-pressed", String(f === frame));
      for (const mark of all(video, ".lanes [data-keyframe]")) mark.classList.toggle("here", mark.dataset.keyframe === key);
      const picture = frame.querySelector("svg").cloneNode(true);
      stage.querySelector(".stage-picture").replaceChildren(picture);
      stage.querySelector(".stage-title").textContent = frame.dataset.title;
      stage.dataset.keyframe = key;
      video.querySelector(".moment").replaceChildren(frame.querySelector("template").content.cloneNode(true));
      const strip = video.querySelector(".strip");
      const a = frame.getBoundingClientRect();
      const b = strip.getBoundingClientRect();
      strip.scrollLeft += a.left - b.left - (b.width - a.width) / 2;
      if (scroll) {
        stage.scrollIntoView({ block: "nearest", behavior: "instant" });
        stage.focus({ preventScroll: true });
      }
      follow(lit);
    };

    const leave = () => {
      question = null;
      stage.querySelector(".back").hidden = true;
      for (const node of all(video, ".current")) node.classList.remove("current");
    };

    video.addEventListener("click", (event) => {
      const at = (selector) => event.target.closest(selector);
      const step = at("button.step");
      const go = at(".go, .mark, .kf, .arc, .arc-label");
      const chip = at(".chip");
      const filter = at(".filter");
      if (step) {
        leave();
        question = step;
        step.classList.add("current");
        step.closest(".card").classList.add("current");
        stage.querySelector(".back").hidden = false;
        lit = keys(step.dataset.things);
        show(step.dataset.keyframe, { scroll: true });
      } else if (at(".back")) {
        const back = question;
        leave();
        if (back) {
          back.focus({ preventScroll: true });
          back.closest(".card").scrollIntoView({ block: "center", behavior: "instant" });
        }
      } else if (chip) {
        const key = chip.dataset.thing;
        follow(lit.size === 1 && lit.has(key) ? new Set() : new Set([key]));
      } else if (go) {
        if (go.dataset.things || go.dataset.ends) lit = keys(go.dataset.things || go.dataset.ends);
        else if (go.dataset.thing) lit = new Set([go.dataset.thing]);
        leave();
        show(go.dataset.keyframe, { scroll: go.matches(".go") });
      } else if (at(".clear")) {
        follow(new Set());
      } else if (filter) {
        for (const f of all(video, ".filter")) f.setAttribute("aria-pressed", String(f === filter));
        for (const card of all(video, ".card")) card.hidden = filter.dataset.steps !== "" && card.dataset.steps !== filter.dataset.steps;
      } else if (at(".frame")) {
        leave();
        show(at(".frame").id);
      } else if (at(".bar[data-thing], .stage .box, .stage .caption")) {
        follow(new Set([at("[data-thing]").dataset.thing]));
      }
    });

    video.addEventListener("change", (event) => {
      const { predicate, layer } = event.target.dataset;
      if (predicate !== undefined) {
        for (const arc of all(video, "g[data-predicate]")) if (arc.dataset.predicate === predicate) arc.classList.toggle("off", !event.target.checked);
      }
      if (layer) video.querySelector(`.${layer}`).style.display = event.target.checked ? "" : "none";
    });

    video.addEventListener("keydown", (event) => {
      if (event.key === "Escape") follow(new Set());
      const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!move || !event.target.closest(".frame, .stage")) return;
      const next = frames[frames.findIndex((f) => f.id === stage.dataset.keyframe) + move];
      if (!next) return;
      event.preventDefault();
      show(next.id);
      if (event.target.closest(".frame")) next.focus({ preventScroll: true });
    });

    show(video.dataset.opens);
  }

  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
})();
