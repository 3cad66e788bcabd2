/** OpenInference writes messages as attributes: `llm.input_messages.0.message.role`. */
import { isContainer, type JsonObject } from "./json";

const FLAT = /^(?:llm\.(?:input_messages|output_messages)|gen_ai\.(?:prompt|completion))\.(\d{1,6})\.(.{1,300})$/;
const STEPS_MAX = 16;
const KEYS_MAX = 50_000;

interface Found {
  messages: unknown[];
  rest: JsonObject | undefined;
}

/** The messages out of flat keys, those of the input before those of the output; undefined if there are none. */
export function unflattenMessages(attributes: JsonObject): Found | undefined {
  const keys = Object.keys(attributes);
  if (keys.length > KEYS_MAX || !keys.some((key) => FLAT.test(key))) return undefined;
  const [asked, answered]: [Node, Node] = [new Map(), new Map()];
  const rest: [string, unknown][] = [];
  for (const key of keys) {
    const found = FLAT.exec(key);
    const [, index, path] = found ?? [];
    if (index === undefined || path === undefined) {
      rest.push([key, attributes[key]]);
    } else {
      const isAnswer = key.startsWith("llm.output") || key.startsWith("gen_ai.completion");
      put(isAnswer ? answered : asked, [index, ...path.split(".", STEPS_MAX)], attributes[key]);
    }
  }
  const messages = [asked, answered].flatMap((node) => inOrder(node));
  return { messages, rest: rest.length > 0 ? Object.fromEntries(rest) : undefined };
}

type Node = Map<string, unknown>;

function put(root: Node, path: readonly string[], value: unknown): void {
  let node = root;
  for (const step of path.slice(0, -1)) {
    const below = node.get(step);
    const next: Node = below instanceof Map ? below : new Map();
    if (next !== below) node.set(step, next);
    node = next;
  }
  node.set(path.at(-1) ?? "", value);
}

function inOrder(node: Node): unknown[] {
  return [...node].sort(([one], [other]) => Number(one) - Number(other)).map(([, below]) => plain(below));
}

/** A node as an object, or as a list where all its keys are numbers. At most as deep as `STEPS_MAX`. */
function plain(node: unknown): unknown {
  if (!(node instanceof Map)) return isContainer(node) || node !== undefined ? node : null;
  const keys = [...node.keys()];
  if (keys.length > 0 && keys.every((key) => /^\d+$/.test(String(key)))) return inOrder(node);
  return Object.fromEntries([...node].map(([key, below]) => [String(key), plain(below)]));
}
