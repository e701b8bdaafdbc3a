'use strict';
// Everything from the report goes into the page as text nodes: no markup is ever parsed from it.
const data = JSON.parse(document.getElementById('data').textContent);
const report = data.report;
const STAGES = ['resolve', 'connect', 'tls', 'request', 'response'];
const TONES = {good: 'good', warning: 'warning', bad: 'bad-mark', unsure: 'unsure', faint: '', plain: '', title: ''};
const byId = (id) => document.getElementById(id);

// Controls, bidirectional controls and lone surrogates told by number: they must not act on the page.
function shown(text) {
  return String(text).replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|\p{Cs}/gu,
    (c) => '\\u{' + c.codePointAt(0).toString(16) + '}');
}

// Bytes of the wire: each code point is one byte.
function wire(text) {
  return String(text).replace(/[^\x20-\x7e]/g, (c) => '\\x' + c.charCodeAt(0).toString(16).padStart(2, '0'));
}

function made(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key === 'click' || key === 'input') element.addEventListener(key, value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ''));
  return element;
}

function micros(us) {
  if (us < 1000) return us + ' µs';
  if (us < 1e6) return (us / 1000).toFixed(us < 1e4 ? 1 : 0) + ' ms';
  return (us / 1e6).toFixed(2) + ' s';
}

function definitions(pairs) {
  const list = made('dl');
  for (const [name, value] of pairs)
    if (value !== '' && value !== null && value !== undefined)
      list.append(made('dt', {}, name), made('dd', {}, value));
  return list;
}

// One line a value, nested objects with their path.
function flat(value, tell, path = '') {
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object'))
    return value.length ? [[path, value.map(tell).join(', ')]] : [];
  if (value !== null && typeof value === 'object')
    return Object.entries(value).flatMap(([key, one]) => flat(one, tell, path ? path + ' ' + key : tell(key).replaceAll('_', ' ')));
  return [[path, tell(value)]];
}

const titles = new Map(report.profiles.map((one) => [one.name, one.title]));
const texts = new Map(report.cases.map((one) => [one.scenario + '\n' + one.id, one]));
const buttons = [];  // one a cell, in order of the matrix
let current = null;

function head() {
  const versions = Object.entries(report.versions).map(([name, version]) => name + ' ' + version).join(', ');
  byId('outcome').className = data.tone === 'good' ? '' : 'bad';
  byId('head').append(made('p', {class: 'facts'}, shown([
    'egressproof ' + report.tool_version, 'backend ' + report.backend, 'run ' + report.run_id, 'seed ' + report.seed,
    report.started_at, versions].filter(Boolean).join(' · '))));
  if (data.lost) byId('head').append(made('p', {class: 'bad'}, 'The receipts are incomplete: what did not arrive is not proven.'));
  for (const error of report.errors) byId('head').append(made('p', {class: 'bad'}, shown(error)));
}

function choice(label, id, values) {
  const list = made('select', {id, input: filter}, made('option', {value: ''}, 'all'));
  for (const value of values) list.append(made('option', {value}, shown(value)));
  return made('label', {}, label, list);
}

function filters() {
  const form = byId('filters');
  const states = made('fieldset', {'aria-label': 'Status'});
  for (const [status, count] of Object.entries(report.totals))
    if (count > 0)
      states.append(made('label', {}, made('input', {type: 'checkbox', name: 'status', value: status, checked: '', input: filter}), status + ' ' + count));
  form.append(
    made('label', {}, 'Find', made('input', {type: 'search', id: 'text', placeholder: 'press /', input: filter})),
    choice('Scenario', 'scenario', data.groups.map((one) => one.name)),
    choice('Profile', 'profile', data.profiles), states);
  form.addEventListener('submit', (event) => event.preventDefault());
}

function marked(mark) {
  return TONES[mark.tone] || '';
}

function cellOf(place, name) {
  if (place === null) return made('td', {class: 'none'}, made('span', {'aria-label': 'not applicable or not selected'}, '-'));
  if (place.skip !== undefined) return made('td', {class: 'none', title: shown(place.skip)}, 'skip');
  const cell = data.cells[place.cell];
  const button = made('button', {type: 'button', tabindex: '-1', class: marked(cell.mark), 'aria-haspopup': 'dialog',
    'aria-label': shown(name + ', ' + cell.profile + ': ' + cell.status + ', ' + cell.verdict), click: () => open(button)}, shown(cell.mark.text));
  button.cell = cell;
  button.at = buttons.length;
  button.words = [cell.scenario + '/' + cell.case, cell.profile, cell.status, cell.verdict, cell.layer, cell.mechanism, cell.because,
    wire(cell.target.host), cell.target.fixture, name].join('\n').toLowerCase();
  buttons.push(button);
  return made('td', {}, button);
}

function matrix() {
  for (const group of data.groups) {
    const top = made('tr', {}, made('th', {scope: 'col'}, made('span', {class: 'faint'}, 'case')));
    for (const profile of data.profiles) top.append(made('th', {scope: 'col', title: shown(titles.get(profile) || '')}, shown(profile)));
    const body = made('tbody');
    group.rows.forEach((row, number) => {
      const text = texts.get(group.name + '\n' + row.id);
      const title = text ? text.title : '';
      const line = made('tr', {}, made('th', {scope: 'row', title: shown(row.id + (title ? ': ' + title : ''))}, shown(row.id)));
      row.cells.forEach((place, column) => {
        const cell = cellOf(place, group.name + '/' + row.id + ' ' + title);
        const button = cell.querySelector('button');
        if (button) Object.assign(button, {row: number, column, group: group.name});
        line.append(cell);
      });
      body.append(line);
    });
    byId('matrix').append(made('section', {class: 'scroll', 'data-scenario': group.name, 'aria-label': shown(group.name)},
      made('table', {}, made('caption', {}, made('div', {}, made('h2', {}, shown(group.name + (group.title ? ': ' + group.title : ''))),
        made('span', {class: 'faint'}, shown(group.requirement)))), made('thead', {}, top), body)));
  }
  if (buttons.length) focusable(buttons[0]);
}

// One cell at a time is in the tab order; the arrow keys move.
function focusable(button) {
  if (current) current.tabIndex = -1;
  current = button;
  current.tabIndex = 0;
}

function filter() {
  const text = byId('text').value.toLowerCase();
  const scenario = byId('scenario').value;
  const profile = byId('profile').value;
  const states = new Set([...document.querySelectorAll('[name=status]:checked')].map((one) => one.value));
  let count = 0;
  for (const button of buttons) {
    const fits = states.has(button.cell.status) && (!profile || button.cell.profile === profile) && button.words.includes(text);
    button.classList.toggle('dim', !fits);
    button.fits = fits && (!scenario || button.cell.scenario === scenario);
    if (button.fits) ++count;
  }
  const narrowed = text || profile || document.querySelector('[name=status]:not(:checked)');
  const wanted = data.profiles.indexOf(profile);
  for (const section of document.querySelectorAll('main section')) {
    section.hidden = scenario !== '' && section.dataset.scenario !== scenario;
    for (const line of section.querySelectorAll('tr'))
      [...line.cells].forEach((cell, at) => { cell.hidden = wanted >= 0 && at > 0 && at !== wanted + 1; });
    const lines = [...section.querySelectorAll('tbody tr')];
    for (const line of lines) line.hidden = Boolean(narrowed) && !line.querySelector('button:not(.dim)');
    if (lines.every((line) => line.hidden)) section.hidden = true;
  }
  byId('count').textContent = count + ' of ' + buttons.length + ' cells. Arrow keys move, Enter opens, Escape closes, / filters.';
  if (current && !current.fits) { const first = buttons.find((one) => one.fits); if (first) focusable(first); }
}

const visible = (button) => button.offsetParent !== null && button.fits;

function neighbour(from, key) {
  const step = key === 'ArrowLeft' || key === 'ArrowUp' ? -1 : 1;
  if (key === 'Home' || key === 'End') return (key === 'Home' ? buttons : [...buttons].reverse()).find(visible);
  const sideways = key === 'ArrowLeft' || key === 'ArrowRight';
  for (let at = from.at + step; at >= 0 && at < buttons.length; at += step)
    if (buttons[at].fits && (sideways || buttons[at].column === from.column)) return buttons[at];
  return null;
}

function timeline(probe) {
  const seen = probe.observed;
  if (!seen) return made('p', {class: 'bad'}, 'The probe told nothing of this attempt.');
  const total = Math.max(1, seen.finished_at_us - seen.started_at_us, seen.stages.reduce((sum, one) => sum + one.took_us, 0));
  const list = made('ol', {class: 'timeline', 'aria-label': 'Timeline'});
  const line = (name, from, took, kind, text) => {
    const track = made('span', {class: 'track', 'aria-hidden': 'true'});
    if (took !== null) {
      const bar = made('span', {class: kind});
      bar.style.left = Math.min(99.5, Math.max(0, 100 * from / total)) + '%';
      if (kind !== 'point') bar.style.width = Math.min(100, 100 * took / total) + '%';
      track.append(bar);
    }
    list.append(made('li', {}, made('span', {}, name), track, made('span', {class: 'mono'}, text)));
  };
  let at = 0;
  for (const stage of STAGES) {
    const steps = seen.stages.filter((one) => one.stage === stage);
    if (!steps.length) line(stage, 0, null, '', '-');
    for (const one of steps) {
      line(stage, at, one.took_us, one.code === 'ok' ? '' : 'failed', micros(one.took_us) + ' ' + one.code);
      at += one.took_us;
    }
  }
  const points = [
    ...probe.received.map((one) => ['receipt #' + one.number, one.at_us, wire(one.fixture)]),
    ...probe.logged.map((one) => ['log of ' + shown(one.proxy), one.at_us, shown(one.flags || one.code || '')])
  ].sort((one, other) => one[1] - other[1]);
  for (const [name, when, what] of points) {
    const after = when - seen.started_at_us;
    line(name, after, 0, 'point', (after < 0 ? '-' : '+') + micros(Math.abs(after)) + (what ? ' ' + what : ''));
  }
  return list;
}

function witness(title, items, none, tell) {
  const column = made('section', {class: 'witness'}, made('h3', {}, title));
  if (!items.length) column.append(made('p', {class: 'faint'}, none));
  for (const item of items) {
    const {line, ...rest} = item;
    column.append(made('article', {}, definitions(flat(rest, tell)), line ? made('pre', {}, tell(line)) : ''));
  }
  return column;
}

function witnesses(cell, probe) {
  const {stages, ...seen} = probe.observed || {};
  const nothing = data.receipts_complete ? 'Nothing was received.' : 'Nothing was received, but the receipts are incomplete.';
  const unlogged = !cell.meshed ? 'No proxy in this profile.'
    : 'Nothing was logged' + (cell.proxy_seen_around ? ', though the proxy logged before and after.' : ', and the proxy is not known to have logged before and after.');
  return made('div', {class: 'witnesses'},
    witness('Client', probe.observed ? [seen] : [], 'The probe told nothing.', wire),
    witness('Target', probe.received, nothing, wire),
    witness('Mesh', probe.logged, unlogged, shown));
}

function controls(cell) {
  const control = data.controls[cell.control];
  if (!control.id) return made('p', {class: 'faint'}, 'No positive control.');
  const word = (allowed) => allowed ? 'allowed' : 'NOT ALLOWED';
  const box = made('details', {}, made('summary', {}, 'Positive control: ' + word(control.allowed_before) + ' before, ' + word(control.allowed_after) + ' after'
    + (control.why_not ? ' (' + shown(control.why_not) + ')' : '')));
  box.addEventListener('toggle', () => {
    if (box.open && box.childElementCount === 1)
      box.append(made('h3', {}, 'Before'), witnesses({meshed: false}, control.before), made('h3', {}, 'After'), witnesses({meshed: false}, control.after));
  });
  return box;
}

function link(text) {
  return /^https:\/\/[!-~]+$/.test(text) ? made('a', {href: text, rel: 'noreferrer noopener'}, text) : shown(text);
}

function open(button) {
  focusable(button);
  const cell = button.cell;
  const panel = byId('panel');
  const text = texts.get(cell.scenario + '\n' + cell.case) || {};
  const name = shown(cell.scenario + '/' + cell.case + ' [' + cell.profile + ']');
  const move = (key) => () => { const next = neighbour(current, key); if (next) open(next); };
  const at = cell.expected.at;
  panel.replaceChildren(
    made('div', {class: 'bar'}, made('h2', {id: 'panel-title'}, name), made('span', {class: 'mark mono ' + marked(cell.mark)}, shown(cell.mark.text)),
      made('button', {type: 'button', 'aria-label': 'Previous cell', click: move('ArrowLeft')}, '←'),
      made('button', {type: 'button', 'aria-label': 'Next cell', click: move('ArrowRight')}, '→'),
      made('button', {type: 'button', click: () => panel.close()}, 'Close')),
    made('div', {class: 'body'},
      definitions([
        ['case', shown(text.title || '')], ['profile', shown(cell.profile + (titles.get(cell.profile) ? ': ' + titles.get(cell.profile) : ''))],
        ['expected', shown(cell.expected.expect + ' (' + cell.expected.stance + ')' + (at.file ? ', ' + at.file + ':' + at.line : ''))],
        ['observed', shown([cell.verdict + ' (' + cell.status + ')', cell.stage && 'at stage ' + cell.stage, cell.layer !== 'none' && 'by ' + cell.layer, cell.mechanism].filter(Boolean).join(', '))],
        ['because', shown(cell.because)], ['arrived at', shown(cell.reached.join(', '))],
        ['target', shown(cell.target.fixture) + (cell.target.host ? ' with Host ' + wire(cell.target.host) : '')],
        ['in force', cell.began_in_force ? 'the policies were in force when the attempt began' : 'NOT known to have been in force when the attempt began'],
        ['errors', cell.errors.map(shown).join('; ')], ['why', shown(text.why || '')], ['fix', shown(text.fix || '')],
        ['reference', text.reference ? link(text.reference) : '']]),
      made('h3', {}, 'Timeline'), timeline(cell.probe), made('h3', {}, 'Witnesses'), witnesses(cell, cell.probe),
      cell.unattributed.length ? witness('Receipts without a nonce that may be its own', cell.unattributed, '', wire) : '',
      made('h3', {}, 'Repeat it'), made('pre', {}, shown(cell.repro)), cell.curl ? made('pre', {}, shown(cell.curl)) : '',
      controls(cell),
      cell.probe.attempt ? made('details', {}, made('summary', {}, 'As sent'), definitions(flat(cell.probe.attempt, wire))) : ''));
  if (!panel.open) panel.showModal();
  panel.scrollTop = 0;
}

function rest() {
  const legend = made('ul', {class: 'legend'});
  for (const mark of data.marks) legend.append(made('li', {}, made('span', {class: 'mark mono ' + marked(mark)}, shown(mark.key)), ' ' + shown(mark.meaning)));
  byId('rest').append(made('h2', {}, 'Marks'), legend, made('h2', {}, 'Profiles'), definitions(data.profiles.map((one) => [shown(one), shown(titles.get(one) || '-')])));
  if (report.skips.length)
    byId('rest').append(made('h2', {}, 'Skipped'), definitions(report.skips.map((one) =>
      [shown(one.scenario + '/' + (one.case || '*') + ' [' + (one.profile || '*') + ']'), shown(one.reason)])));
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (byId('panel').open) {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    const next = neighbour(current, event.key);
    if (next) open(next);
    event.preventDefault();
  } else if (event.key === '/' && !typing) {
    byId('text').focus();
    event.preventDefault();
  } else if (event.key === 'Escape' && event.target.id === 'text') {
    event.target.value = '';
    filter();
    if (current) current.focus();
  } else if (current && !typing && /^(Arrow|Home|End)/.test(event.key)) {
    // The first key only shows where the keyboard is.
    const next = document.activeElement === current ? neighbour(current, event.key) : current;
    if (next) { focusable(next); next.focus(); next.scrollIntoView({block: 'nearest', inline: 'nearest'}); }
    event.preventDefault();
  }
});
byId('panel').addEventListener('close', () => { if (current) current.focus(); });
byId('panel').addEventListener('click', (event) => { if (event.target === byId('panel')) byId('panel').close(); });

head();
filters();
matrix();
rest();
filter();
