/** The style sheet of reports: system fonts, and one set of colours each for light and dark. */
export const style = `
:root { color-scheme: light dark; --ground: #ffffff; --panel: #f6f7f9; --ink: #1c2330; --soft: #5c6675; --line: #dfe3e8;
  --c1: #1769aa; --c2: #2e8b57; --c3: #d9822b; --c4: #b3364b; --shade: #8a94a322; --bad: #b3261e; --good: #1f7a44; }
@media (prefers-color-scheme: dark) { :root { --ground: #12161c; --panel: #1a2028; --ink: #e4e8ee; --soft: #98a3b3;
  --line: #2c3540; --c1: #64b1f0; --c2: #6cc795; --c3: #f0ae62; --c4: #f08a9a; --shade: #98a3b322; --bad: #ff8a80; --good: #7fd8a0; } }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 1180px; margin: 0 auto; padding: 28px 20px 60px }
h1 { font-size: 24px; margin: 0 0 2px; overflow-wrap: anywhere } h2 { font-size: 17px; margin: 34px 0 10px }
.sub { color: var(--soft); margin: 0 0 18px; overflow-wrap: anywhere }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 10px; margin: 18px 0 }
.tile { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px }
.tile b { display: block; font-size: 22px; font-variant-numeric: tabular-nums; font-weight: 600 }
.tile span { color: var(--soft); font-size: 13px }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(480px, 100%), 1fr)); gap: 14px }
figure { margin: 0; max-width: 780px; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; min-width: 0 }
figcaption { font-weight: 600; margin-bottom: 4px } svg { width: 100%; height: auto; display: block }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; color: var(--soft); font-size: 13px }
.key { display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 6px; vertical-align: middle }
.k1 { background: var(--c1) } .k2 { background: var(--c2) } .k3 { background: var(--c3) } .k4 { background: var(--c4) }
.line { fill: none; stroke-width: 2; stroke-linejoin: round }
.l1 { stroke: var(--c1) } .l2 { stroke: var(--c2) } .l3 { stroke: var(--c3) } .l4 { stroke: var(--c4) }
.grid { stroke: var(--line) } .tick, .label { fill: var(--soft); font-size: 12px } .bar { fill: var(--c1) } .bar:hover { opacity: .75 }
.limit { stroke: var(--c4); stroke-dasharray: 4 3 } .mark { paint-order: stroke; stroke: var(--panel); stroke-width: 3px }
.shade { fill: var(--shade) } .hit { fill: transparent } .hit:hover { fill: var(--shade) }
.note, .missing { color: var(--soft); font-size: 13px; margin: 6px 0 0 }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: 6px 10px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap }
th:first-child { text-align: left; font-weight: 500; white-space: normal; overflow-wrap: anywhere; min-width: 130px }
thead th { color: var(--soft); font-weight: 500; font-size: 13px } .text { text-align: left; white-space: normal; min-width: 150px } figure table { font-size: 14px }
tbody tr:last-child th, tbody tr:last-child td { border-bottom: 0 }
ul { padding-left: 20px; margin: 10px 0 } li { margin: 3px 0; overflow-wrap: anywhere }
.bad { color: var(--bad) } .good { color: var(--good) } .warn { border-left: 3px solid var(--c3); padding: 4px 12px; background: var(--panel) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 0 } dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
@media (max-width: 560px) { dl { grid-template-columns: 1fr } dd { margin-bottom: 6px } }
`
