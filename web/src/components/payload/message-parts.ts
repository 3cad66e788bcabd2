/** The parts of a message's content. A part that nobody knows is kept as it is. */
import type { Part, ToolResult } from "./conversation";
import { isObject, type JsonObject, parsedContainer, textIn } from "./json";
import { imageOf, safeImage } from "./safe-urls";

/** Content as it comes: a text, a part, a list of both, or nothing. */
export function partsOf(content: unknown): Part[] {
  if (content === null || content === undefined || content === "") return [];
  if (typeof content === "string") return [{ kind: "text", text: content }];
  return Array.isArray(content) ? content.flatMap((part: unknown) => partOf(part)) : partOf(content);
}

export function resultOf(value: unknown, isError: boolean): ToolResult {
  const only = Array.isArray(value) && value.length === 1 && isObject(value[0]) ? textIn(value[0], "text") : undefined;
  return { value: parsed(only ?? value), isError };
}

/** Arguments and results come as JSON in a text, more often than not. */
export function parsed(value: unknown): unknown {
  return typeof value === "string" ? (parsedContainer(value) ?? value) : value;
}

type Reader = (part: JsonObject) => Part | undefined;

function partOf(part: unknown): Part[] {
  if (typeof part === "string") return part === "" ? [] : [{ kind: "text", text: part }];
  if (!isObject(part)) return [{ kind: "other", value: part }];
  const inner = isObject(part.message_content) ? part.message_content : part;
  const type = textIn(inner, "type") ?? "";
  const read = Object.hasOwn(READERS, type) ? READERS[type] : undefined;
  return [read?.(inner) ?? google(inner) ?? { kind: "other", value: part }];
}

const READERS: Record<string, Reader> = {
  text: readText,
  input_text: readText,
  output_text: readText,
  refusal: readText,
  thinking: readThinking,
  reasoning: readThinking,
  redacted_thinking: () => ({ kind: "thinking", text: "(The provider keeps this part to itself.)" }),
  image: readImage,
  image_url: readImage,
  input_image: readImage,
  blob: readImage,
  uri: readImage,
  file: readImage,
  tool_use: readCall,
  server_tool_use: readCall,
  tool_call: readCall,
  function_call: readCall,
  custom_tool_call: readCall,
  tool_result: readResult,
  web_search_tool_result: readResult,
  tool_call_response: readResult,
  function_call_output: readResult,
  custom_tool_call_output: readResult,
};

function readText(part: JsonObject): Part | undefined {
  const text = textIn(part, "text", "content", "refusal");
  return text === undefined ? undefined : { kind: "text", text };
}

function readThinking(part: JsonObject): Part | undefined {
  const summary = Array.isArray(part.summary) ? part.summary : [];
  const texts = summary.map((one: unknown) => (isObject(one) ? textIn(one, "text") : undefined));
  const text = textIn(part, "thinking", "reasoning", "content", "text") ?? texts.filter(Boolean).join("\n\n");
  return { kind: "thinking", text: text || "(Without words.)" };
}

function readImage(part: JsonObject): Part | undefined {
  const source = isObject(part.source) ? part.source : isObject(part.image) ? part.image : part;
  const bytes = imageOf(source.media_type ?? source.mime_type, source.data ?? source.content);
  if (bytes !== undefined) return { kind: "image", src: bytes };
  const nested = isObject(source.image_url)
    ? source.image_url.url
    : isObject(source.image)
      ? source.image.url
      : undefined;
  const url = nested ?? textIn(source, "image_url", "url", "uri", "image");
  if (typeof url !== "string") return undefined;
  const src = safeImage(url);
  return src === undefined ? { kind: "image", from: url } : { kind: "image", src };
}

function readCall(part: JsonObject): Part | undefined {
  const name = textIn(part, "name");
  const input = part.input ?? part.arguments ?? part.args;
  return name === undefined
    ? undefined
    : { kind: "call", id: textIn(part, "call_id", "id"), name, input: parsed(input) };
}

function readResult(part: JsonObject): Part {
  const value = part.content ?? part.result ?? part.response ?? part.output;
  const id = textIn(part, "tool_use_id", "call_id", "tool_call_id", "id");
  return { kind: "result", id, name: textIn(part, "name"), result: resultOf(value, part.is_error === true) };
}

/** Google's parts have no type: the one key says it. */
function google(part: JsonObject): Part | undefined {
  const call = part.functionCall ?? part.function_call;
  if (isObject(call)) return readCall({ ...call, id: googleId(call) });
  const response = part.functionResponse ?? part.function_response;
  if (isObject(response)) return readResult({ ...response, id: googleId(response) });
  const data = part.inlineData ?? part.inline_data;
  const src = isObject(data) ? imageOf(data.mimeType ?? data.mime_type, data.data) : undefined;
  if (src !== undefined) return { kind: "image", src };
  const text = textIn(part, "text");
  if (text === undefined) return undefined;
  return part.thought === true ? { kind: "thinking", text } : { kind: "text", text };
}

/** Google gives ids rarely; a call and its response have the name in common. */
function googleId(said: JsonObject): string | undefined {
  return textIn(said, "id") ?? textIn(said, "name");
}
