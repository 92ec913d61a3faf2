"use strict";
// Filters apply when they are chosen; what is new replaces the figures in place. Without this script all of it works
// by its buttons and by loading the page again.

const main = document.getElementById("main");
const filters = document.getElementById("filters");

if (filters) {
  filters.addEventListener("change", () => filters.requestSubmit());
  filters.addEventListener("submit", () => {
    for (const field of filters.elements) field.disabled = field.name !== "" && field.value === "";
  });
}

/** Which details are open, which element has the focus: both survive new figures. */
function remembered() {
  const open = [...main.querySelectorAll("details[open] > summary")].map((one) => one.textContent);
  const focus = document.activeElement;
  const places = [...main.querySelectorAll("a, button, summary, [tabindex]")];
  return { open, place: main.contains(focus) ? places.indexOf(focus) : -1 };
}

function restore(state) {
  for (const one of main.querySelectorAll("details > summary")) {
    if (state.open.includes(one.textContent)) one.parentElement.open = true;
  }
  const places = main.querySelectorAll("a, button, summary, [tabindex]");
  if (state.place >= 0 && places[state.place]) places[state.place].focus({ preventScroll: true });
}

/** Parts that take long are read once they are looked at; new figures of others leave them as they are. */
const read = new Map();

async function take(place) {
  if (!read.has(place.dataset.part)) {
    const answer = await fetch(place.dataset.part, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    read.set(place.dataset.part, page.getElementById(place.dataset.take));
  }
  place.replaceChildren(read.get(place.dataset.part).cloneNode(true));
}

const looked = new IntersectionObserver((places) => {
  for (const one of places) {
    if (one.isIntersecting) {
      looked.unobserve(one.target);
      take(one.target);
    }
  }
});

function watch() {
  for (const place of main.querySelectorAll("[data-part]")) {
    if (read.has(place.dataset.part)) take(place);
    else looked.observe(place);
  }
}

watch();

let loading = false;
let again = false;

async function renew() {
  if (loading) {
    again = true;
    return;
  }
  loading = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const state = remembered();
      main.replaceChildren(...page.getElementById("main").childNodes);
      document.getElementById("at").textContent = page.getElementById("at").textContent;
      document.body.dataset.version = page.body.dataset.version;
      watch();
      restore(state);
    }
  } finally {
    loading = false;
    if (again) {
      again = false;
      renew();
    }
  }
}

const live = document.getElementById("live");
const news = new EventSource(`/api/v1/events?seen=${document.body.dataset.version}`);
news.addEventListener("open", () => { live.hidden = false; });
news.addEventListener("error", () => { live.hidden = true; });
news.addEventListener("change", renew);
addEventListener("pagehide", () => news.close());
