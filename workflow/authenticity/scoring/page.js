"use strict";
// Text reaches the page as text nodes only: names of files are data.
(() => {
  const table = document.getElementById("recordings");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const about = JSON.parse(document.getElementById("about").textContent);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const opened = new Map(); // a row's number -> what it opened

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  // --- sorting ---

  const headings = [...table.tHead.rows[0].cells];
  const byName = new Intl.Collator("en", { numeric: true });

  function value(row, column) {
    const cell = row.cells[column];
    if (!("value" in cell.dataset)) return cell.textContent.trim();
    return cell.dataset.value === "" ? null : Number(cell.dataset.value);
  }

  function sort(column) {
    const heading = headings[column];
    const before = heading.getAttribute("aria-sort");
    const first = heading.dataset.first;
    const turned = { ascending: "descending", descending: "ascending" };
    const direction = before ? turned[before] : first;
    for (const other of headings) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    const keyed = rows.map((row) => [value(row, column), row]);
    // What has no number comes last, whichever way is sorted.
    keyed.sort(([a, one], [b, other]) =>
      (a === null) - (b === null) || sign * (typeof a === "number" ? a - b : byName.compare(a, b))
      || Number(one.dataset.number) - Number(other.dataset.number));
    rows.splice(0, rows.length, ...keyed.map(([, row]) => row));
    for (const row of rows) {
      const detail = opened.get(row.dataset.number);
      body.append(row, ...(detail ? [detail.row] : []));
    }
    say(`sorted by ${heading.textContent.trim()}, ${direction}`);
  }

  headings.forEach((heading, column) =>
    heading.querySelector("button").addEventListener("click", () => sort(column)));

  // --- filter ---

  const text = document.getElementById("find");
  const status = document.getElementById("status");

  function say(more) {
    const shown = rows.filter((row) => !row.hidden).length;
    const count = shown === rows.length ? `${shown}` : `${shown} of ${rows.length}`;
    const noun = rows.length === 1 ? "recording" : "recordings";
    status.textContent = `${count} ${noun} shown${more ? `, ${more}` : ""}`;
  }

  function filter() {
    const verdict = document.querySelector("input[name=verdict]:checked").value;
    const words = text.value.trim().toLocaleLowerCase();
    for (const row of rows) {
      const name = row.cells[0].textContent.toLocaleLowerCase();
      row.hidden = !(name.includes(words) && (!verdict || row.dataset.verdict === verdict));
      const detail = opened.get(row.dataset.number);
      if (detail) {
        detail.row.hidden = row.hidden;
        if (row.hidden) detail.audio.pause();
      }
    }
    say();
  }

  text.addEventListener("input", filter);
  for (const choice of document.querySelectorAll("input[name=verdict]")) {
    choice.addEventListener("change", filter);
  }

  // --- words ---

  function clock(seconds, digits = 0) {
    const unit = 10 ** digits;
    const whole = Math.round(seconds * unit) / unit;
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor(whole / 60) % 60;
    const rest = (whole % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
    return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
  }

  function signed(number) {
    const words = Math.abs(number).toFixed(2);
    return Number(words) === 0 ? words : (number < 0 ? "−" : "+") + words;
  }

  // What a window looks like: where its score lies, in words, a sign and a colour.
  const LIKE = {
    synthetic: "▲ like synthetic", unsure: "◆ in between", genuine: "▼ like genuine",
    silent: "– silence",
  };

  function like(llr) {
    if (llr === null) return "silent";
    return llr >= about.upper ? "synthetic" : llr < about.lower ? "genuine" : "unsure";
  }

  // --- what a row opens ---

  function data(id) {
    return document.getElementById(id)?.textContent;
  }

  // A picture or a sound within the page becomes a blob, which every browser can seek in.
  function source(recording, id, type) {
    const inside = data(id);
    if (inside === undefined) return recording;
    const bytes = Uint8Array.from(atob(inside.trim()), (sign) => sign.charCodeAt(0));
    return URL.createObjectURL(new Blob([bytes], { type }));
  }

  function cautions(items) {
    return make("ul", { "aria-label": "Cautions" }, ...items.map((item) => make("li", {},
      make("strong", {}, item.severe ? "Severe caution: " : "Caution: "), item.message)));
  }

  function evidence(recording) {
    const parts = recording.contributions.slice(0, 12);
    const rest = recording.contributions.slice(12);
    const sum = (items) => items.reduce((total, [, logOdds]) => total + logOdds, 0);
    if (rest.length) parts.push([`${rest.length} others together`, sum(rest)]);
    parts.push(["constant of the model", recording.score - sum(recording.contributions)]);
    const largest = Math.max(...parts.map(([, logOdds]) => Math.abs(logOdds)), 1e-9);
    const lines = parts.map(([name, logOdds]) => {
      const bar = make("i");
      const share = 50 * Math.abs(logOdds) / largest;
      bar.style.width = `${share}%`;
      bar.style.left = `${logOdds < 0 ? 50 - share : 50}%`;
      return make("tr", {},
        make("th", { scope: "row" }, name),
        make("td", { class: "number" }, signed(logOdds)),
        make("td", { "aria-hidden": "true" },
          make("div", { class: `bar ${logOdds < 0 ? "genuine" : "synthetic"}` }, bar)));
    });
    lines.push(make("tr", {},
      make("th", { scope: "row" }, make("strong", {}, "sum: the model’s score")),
      make("td", { class: "number" }, make("strong", {}, signed(recording.score))), make("td")));
    const head = make("thead", {}, make("tr", {},
      make("th", { scope: "col" }, "Evidence"), make("th", { scope: "col" }, "Log-odds"),
      make("td", { "aria-hidden": "true" }, "← genuine | synthetic →")));
    return make("section", { "aria-label": "Evidence" },
      make("h3", {}, "What the score is made of"),
      make("div", { class: "scroll" }, make("table", {}, head, make("tbody", {}, ...lines))));
  }

  function inTime(recording, play) {
    const lines = recording.stretches.map((stretch) => {
      const from = clock(stretch.start, 1);
      const button = make("button",
        { type: "button", class: "go", "aria-label": `Play from ${from}` },
        `▶ ${from} to ${clock(stretch.end, 1)}`);
      button.addEventListener("click", () => play(stretch.start));
      const range = stretch.kind === "silent" ? "–" : stretch.low === stretch.high
        ? signed(stretch.low) : `${signed(stretch.low)} to ${signed(stretch.high)}`;
      return make("tr", {}, make("td", {}, button),
        make("td", { class: `verdict ${stretch.kind}` }, LIKE[stretch.kind]),
        make("td", { class: "number" }, range));
    });
    const head = make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Stretch (min:s)"),
      make("th", { scope: "col" }, "Its windows are"),
      make("th", { scope: "col" }, "LLR of windows")));
    return make("section", { "aria-label": "Where in time" }, make("h3", {}, "Where in time"),
      make("div", { class: "tall", tabindex: "0", role: "group", "aria-label": "Stretches" },
        make("table", {}, head, make("tbody", {}, ...lines))));
  }

  function facts(recording, links) {
    const channels = { 1: "mono", 2: "stereo" }[recording.channels] ?? `${recording.channels} channels`;
    const share = (recording.seconds / recording.duration).toFixed(2);
    const items = [
      ["File", `${recording.codec}, ${recording.sample_rate / 1000} kHz, ${channels}`],
      ["Probability", recording.p_synthetic === null ? "none, for a severe caution"
        : `at a prior of ${+(100 * recording.prior).toPrecision(6)}%`],
      ["Score", `${signed(recording.score)}; with inverted polarity ${signed(recording.score_inverted)}`],
      ["Scored in", `${recording.seconds.toFixed(2)} s, ${share} of its duration`],
      ...(recording.content ? [["SHA-256 begins", recording.content]] : []),
    ];
    return make("section", { "aria-label": "The file" }, make("h3", {}, "The file"),
      make("dl", {}, ...items.flatMap(([term, words]) =>
        [make("dt", {}, term), make("dd", {}, words)])),
      make("p", {}, ...links.flatMap((link, index) => index ? [" · ", link] : [link])));
  }

  // A playhead on the picture: a slider for the keyboard and for screen readers.
  function follow(recording, audio, span) {
    const playhead = make("div", { class: "playhead" });
    const seek = make("div", {
      class: "seek", role: "slider", tabindex: "0", "aria-label": "Position in the recording",
      "aria-valuemin": "0", "aria-valuemax": recording.duration.toFixed(1),
    }, playhead);
    for (const side of ["left", "top"]) seek.style[side] = `${100 * span[side]}%`;
    for (const side of ["right", "bottom"]) seek.style[side] = `${100 * (1 - span[side])}%`;
    const readout = make("p", { class: "readout" });
    const { start, end, llr } = recording.windows;

    function nearest(time) {
      let best = 0;
      const away = (index) => Math.abs((start[index] + end[index]) / 2 - time);
      for (let index = 1; index < start.length; index++) if (away(index) < away(best)) best = index;
      return best;
    }

    function show() {
      const time = Math.min(audio.currentTime, recording.duration);
      const ratio = llr[nearest(time)];
      const kind = like(ratio);
      playhead.style.left = `${100 * time / recording.duration}%`;
      readout.className = `readout ${kind}`;
      readout.textContent = `${clock(time, 1)} of ${clock(recording.duration, 1)} · `
        + (ratio === null ? LIKE.silent : `LLR ${signed(ratio)} ${LIKE[kind]}`);
      seek.setAttribute("aria-valuenow", time.toFixed(1));
      seek.setAttribute("aria-valuetext", readout.textContent);
    }

    // On a narrow screen, the picture scrolls along with the sound.
    function keepInSight() {
      const box = seek.closest(".picture");
      const away = playhead.getBoundingClientRect().left - box.getBoundingClientRect().left;
      if (away < 0 || away > box.clientWidth) box.scrollLeft += away - 0.1 * box.clientWidth;
    }

    function run() {
      show();
      keepInSight();
      if (!audio.paused && !calm.matches) requestAnimationFrame(run);
    }

    function go(time) {
      audio.currentTime = Math.max(0, Math.min(time, recording.duration));
      show();
    }

    function goTo(event) {
      const box = seek.getBoundingClientRect();
      go((event.clientX - box.left) / box.width * recording.duration);
    }

    audio.addEventListener("timeupdate", () => audio.paused || keepInSight());
    for (const name of ["timeupdate", "seeking", "seeked", "loadedmetadata"]) {
      audio.addEventListener(name, show);
    }
    audio.addEventListener("play", run);
    // A finger may be there to scroll: it moves the playhead only by a tap, which is a click.
    seek.addEventListener("click", goTo);
    seek.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" && !event.button) seek.setPointerCapture(event.pointerId);
    });
    seek.addEventListener("pointermove", (event) => {
      if (seek.hasPointerCapture(event.pointerId)) goTo(event);
    });
    seek.addEventListener("keydown", (event) => {
      const step = Math.min(1, recording.duration / 50);
      const time = audio.currentTime;
      const keys = {
        ArrowRight: () => go(time + step), ArrowUp: () => go(time + step),
        ArrowLeft: () => go(time - step), ArrowDown: () => go(time - step),
        PageUp: () => go(time + 10 * step), PageDown: () => go(time - 10 * step),
        Home: () => go(0), End: () => go(recording.duration),
        " ": () => (audio.paused ? audio.play() : audio.pause()),
      };
      if (event.ctrlKey || event.altKey || event.metaKey || !keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    });
    show();
    return { seek, readout, go };
  }

  function open(row) {
    const number = row.dataset.number;
    const entry = JSON.parse(data(`entry-${number}`));
    const recording = entry.recording;
    const picture = source(entry.picture, `picture-${number}`, "image/png");
    const sound = source(entry.preview, `sound-${number}`, "audio/mpeg");
    const audio = make("audio", { controls: "", preload: "metadata", src: sound,
      "aria-label": `Sound of ${recording.file}` });
    const { seek, readout, go } = follow(recording, audio, entry.span);
    const synthetic = recording.stretches.filter((stretch) => stretch.kind === "synthetic").length;
    const image = make("img", { src: picture, alt:
      `Spectrogram of ${recording.file} with the log-likelihood ratio of its windows along time; `
      + `${synthetic} of ${recording.stretches.length} stretches are like synthetic. `
      + "The table “Where in time” lists them." });
    const play = (time) => { go(time); audio.play(); };
    audio.addEventListener("play", () => {
      for (const other of opened.values()) if (other.audio !== audio) other.audio.pause();
    });
    const name = recording.file.split(/[\\/]/).at(-1);
    const links = picture ? [
      make("a", { href: picture, download: `${name}.png` }, "Save the picture"),
      make("a", { href: sound, download: `${name}.mp3` }, "Save this sound"),
    ] : [];
    const cell = make("td", { role: "cell", colspan: "7" },
      make("p", {}, recording.reason),
      ...(recording.cautions.length ? [cautions(recording.cautions)] : []),
      ...(picture ? [
        make("div", { class: "picture" }, make("div", { class: "frame" }, image, seek)),
        make("div", { class: "player" }, audio, readout),
        make("p", { class: "quiet" }, "Click or tap the picture to hear that place; on the "
          + "keyboard, the arrow keys, Page Up and Page Down move and the space bar plays once "
          + "the picture is in focus."),
      ] : [make("p", { class: "quiet" }, "Its picture and its sound could not be made.")]),
      make("div", { class: "columns" },
        inTime(recording, play), evidence(recording), facts(recording, links)));
    const detail = make("tr", { role: "row", class: "detail", id: `detail-${number}` }, cell);
    row.after(detail);
    opened.set(number, { row: detail, audio, links: [picture, sound] });
  }

  function close(row) {
    const detail = opened.get(row.dataset.number);
    detail.audio.pause();
    detail.row.remove();
    for (const link of detail.links) if (link.startsWith("blob:")) URL.revokeObjectURL(link);
    opened.delete(row.dataset.number);
  }

  body.addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (!row || (String(getSelection()) && !event.target.closest("button"))) return;
    const now = !opened.has(row.dataset.number);
    (now ? open : close)(row);
    row.querySelector(".open").setAttribute("aria-expanded", String(now));
  });

  document.documentElement.classList.add("ready");
  filter();
})();
