#pragma once

namespace pcnet::report {

/// The style of html_page(). Colours have a contrast of at least 4.5 to their ground, in both
/// schemes; those of curves are told apart by people who do not see red and green (Okabe and Ito).
inline constexpr const char* kPageStyle = R"(:root {
  --ground: #ffffff; --ink: #1b1f24; --soft: #57606a; --rule: #d0d7de;
  --mark: #fff3c9; --link: #0550ae;
  --c0: #0060a8; --c1: #b34700; --c2: #00735a; --c3: #8f3a76; --c4: #76651c; --c5: #3d3d3d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14181d; --ink: #e6e9ec; --soft: #a3adb8; --rule: #3b444e;
    --mark: #4a3f12; --link: #7cb7ff;
    --c0: #5eb0ef; --c1: #f0904c; --c2: #3fc79f; --c3: #e08fc4; --c4: #d9c65b; --c5: #c4c9ce;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body {
  margin: 0 auto; max-width: 72rem; padding: 1rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0.5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 0.75rem; padding-top: 0.5rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1.05rem; margin: 1.5rem 0 0.5rem; overflow-wrap: anywhere; }
p { max-width: 46rem; margin: 0.5rem 0; overflow-wrap: anywhere; }
a { color: var(--link); }
nav { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; margin: 1rem 0; }
.note, figcaption, caption { color: var(--soft); font-size: 0.875rem; }
.warning { border-left: 4px solid var(--c1); padding-left: 0.75rem; }
.scroll { overflow-x: auto; margin: 0.75rem 0; }
table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: 0.25rem; }
th, td { padding: 0.25rem 0.6rem; border-bottom: 1px solid var(--rule); vertical-align: top; }
thead th { border-bottom: 2px solid var(--soft); white-space: nowrap; }
th { text-align: left; font-weight: 600; }
tbody th { font-weight: 500; }
table.numbers td, table.numbers thead th:not(:first-child) { text-align: right; white-space: nowrap; }
table.texts td { overflow-wrap: anywhere; min-width: 6rem; }
tr.part th { padding-left: 1.5rem; white-space: nowrap; font-weight: 400; color: var(--soft); }
tr.other { background: var(--mark); }
table.sortable thead th { cursor: pointer; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); gap: 1rem; }
.charts figure, .gallery figure, .stages figure { margin: 0; }
.charts h4 { margin: 0 0 0.25rem; font-size: 0.9rem; }
.chart { width: 100%; height: auto; display: block; font-size: 12px; }
.chart text { fill: var(--ink); }
.chart .grid { stroke: var(--rule); stroke-width: 1; }
.chart .tick text { dominant-baseline: middle; }
.chart .axis { fill: none; stroke: var(--soft); stroke-width: 1; }
.chart .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.chart .pale { stroke-width: 1; opacity: 0.35; }
.chart .c0 { stroke: var(--c0); } .chart .c1 { stroke: var(--c1); } .chart .c2 { stroke: var(--c2); }
.chart .c3 { stroke: var(--c3); } .chart .c4 { stroke: var(--c4); } .chart .c5 { stroke: var(--c5); }
.chart .dot.c0 { fill: var(--c0); } .chart .dot.c1 { fill: var(--c1); } .chart .dot.c2 { fill: var(--c2); }
.chart .dot.c3 { fill: var(--c3); } .chart .dot.c4 { fill: var(--c4); } .chart .dot.c5 { fill: var(--c5); }
.legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; list-style: none; padding: 0; font-size: 0.875rem; }
.legend span { display: inline-block; width: 1.25rem; height: 0.25rem; margin-right: 0.4rem; vertical-align: middle; }
.k0 { background: var(--c0); } .k1 { background: var(--c1); } .k2 { background: var(--c2); }
.k3 { background: var(--c3); } .k4 { background: var(--c4); } .k5 { background: var(--c5); }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 11.5rem), 1fr)); gap: 0.75rem; }
.pair { grid-column: span 2; display: grid; grid-template-columns: 1fr 1fr; gap: 0.25rem 0.5rem; align-content: start; }
.pair > p { grid-column: 1 / -1; margin: 0; font-size: 0.875rem; }
.stages { display: grid; grid-auto-flow: column; grid-auto-columns: minmax(8rem, 1fr); gap: 0.5rem; }
img { width: 100%; height: auto; display: block; border-radius: 2px; }
figcaption { line-height: 1.35; padding-top: 0.25rem; overflow-wrap: anywhere; }
figcaption b, .pair b { color: var(--ink); font-weight: 600; }
details { margin: 0.75rem 0; }
summary { cursor: pointer; }
@media (max-width: 40rem) {
  body { padding: 0.75rem; }
  .gallery { grid-template-columns: 1fr 1fr; }
}
@media print {
  :root {
    --ground: #ffffff; --ink: #000000; --soft: #444444; --rule: #bbbbbb;
    --mark: #f4edd0; --link: #000000;
    --c0: #0060a8; --c1: #b34700; --c2: #00735a; --c3: #8f3a76; --c4: #76651c; --c5: #3d3d3d;
  }
  @page { margin: 15mm; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  h2, h3, h4, h3 + .note { break-after: avoid; }
  figure, tr, .pair, .stages { break-inside: avoid; }
  .scroll { overflow: visible; }
  .charts { grid-template-columns: 1fr 1fr 1fr; }
  .gallery { grid-template-columns: repeat(5, 1fr); }
  .stages { grid-auto-columns: 1fr; }
  img, .k0, .k1, .k2, .k3, .k4, .k5, tr.other { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)";

/// Tables are sorted by a click on a heading; on paper everything is open. The page is whole
/// without it.
inline constexpr const char* kPageScript =
    R"(document.querySelectorAll("table.sortable").forEach(function (table) {
  table.querySelectorAll("thead th").forEach(function (head, column) {
    var up = false;
    head.addEventListener("click", function () {
      var body = table.tBodies[0], rows = Array.from(body.rows);
      var text = function (row) { return row.cells[column].textContent.trim(); };
      var number = function (row) { return parseFloat(text(row).replace("\u2212", "-").replace("+", "")); };
      var figures = rows.every(function (row) { return /^[-+\u2212]?[0-9.]+( (hit|miss))?$/.test(text(row)); });
      up = !up;
      rows.sort(function (a, b) {
        var order = figures ? number(a) - number(b) : text(a).localeCompare(text(b));
        return up ? order : -order;
      });
      rows.forEach(function (row) { body.appendChild(row); });
    });
  });
});
window.addEventListener("beforeprint", function () {
  document.querySelectorAll("details").forEach(function (part) { part.open = true; });
});
)";

}  // namespace pcnet::report
