/** A payload as lines that can be compared: JSON with its keys in order, in which long texts keep their own lines. */
import { isObject, writeJson } from "@/components/payload/json";
import { entriesOf } from "./compared-step";

export interface PayloadLines {
  lines: string[];
  /** Whether there is more than is compared. */
  isCut: boolean;
}

const LINES_MAX = 4_000;
const LINE_CHARS_MAX = 2_000;
const DEPTH_MAX = 60;

export function linesOf(value: unknown): PayloadLines {
  const writer = new Writer();
  if (typeof value === "string") writer.text(value);
  else writer.value(value, "", "", "");
  return { lines: writer.lines, isCut: writer.isCut };
}

class Writer {
  readonly lines: string[] = [];
  isCut = false;

  text(text: string): void {
    // A text of millions of lines must not become a list of as many.
    for (const line of text.split("\n", LINES_MAX + 1)) this.line(line);
  }

  value(value: unknown, indent: string, before: string, after: string): void {
    if (this.isCut) return;
    const isDeep = indent.length >= 2 * DEPTH_MAX;
    if (Array.isArray(value) && value.length > 0 && !isDeep) {
      this.line(`${indent}${before}[`);
      this.items(
        value.map((one) => ["", one]),
        indent,
      );
      this.line(`${indent}]${after}`);
    } else if (isObject(value) && Object.keys(value).length > 0 && !isDeep) {
      this.line(`${indent}${before}{`);
      this.items(
        entriesOf(value).map(([key, one]) => [`${JSON.stringify(key)}: `, one]),
        indent,
      );
      this.line(`${indent}}${after}`);
    } else if (typeof value === "string" && value.includes("\n")) {
      this.text(`${indent}${before}"${value.slice(0, LINES_MAX * LINE_CHARS_MAX)}"${after}`);
    } else {
      this.line(`${indent}${before}${writeJson(value)}${after}`);
    }
  }

  private items(items: [string, unknown][], indent: string): void {
    for (const [at, [before, one]] of items.entries()) {
      this.value(one, `${indent}  `, before, at < items.length - 1 ? "," : "");
    }
  }

  private line(text: string): void {
    if (this.lines.length >= LINES_MAX) this.isCut = true;
    else this.lines.push(text.slice(0, LINE_CHARS_MAX));
    if (text.length > LINE_CHARS_MAX) this.isCut = true;
  }
}
