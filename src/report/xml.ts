/** XML 1.0 as text. Nothing else is needed of it here than to be well-formed whatever a test prints. */
export interface Element {
  name: string;
  attributes?: Record<string, string | number>;
  children?: (Element | string)[];
}

export function document(root: Element): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${render(root, "")}\n`;
}

function render({ name, attributes = {}, children = [] }: Element, indent: string): string {
  const given = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${attribute(String(value))}"`)
    .join("");
  const open = `${indent}<${name}${given}`;
  if (children.length === 0) return `${open}/>`;
  // Blanks around text would be part of it.
  if (children.some((child) => typeof child === "string")) {
    return `${open}>${children.map((child) => (typeof child === "string" ? text(child) : render(child, ""))).join("")}</${name}>`;
  }
  return `${open}>\n${children.map((child) => render(child as Element, `${indent}  `)).join("\n")}\n${indent}</${name}>`;
}

const ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

function text(words: string): string {
  return holdable(words).replace(/[&<>\r]/g, (c) => ENTITIES[c]!);
}

function attribute(words: string): string {
  return holdable(words).replace(/[&<>"'\t\n\r]/g, (c) => ENTITIES[c]!);
}

/**
 * What XML 1.0 cannot hold, not even escaped (clause 2.2: most control characters, single surrogates,
 * U+FFFE and U+FFFF), becomes U+FFFD.
 */
function holdable(words: string): string {
  return words.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udfff]/gu, "\ufffd");
}
