/** Which addresses out of a payload a page may use at all. Whatever is not known to be harmless is shown as text. */

const IMAGE_TYPE = /^image\/(png|jpe?g|gif|webp)$/i;
const DATA_IMAGE = /^data:image\/(png|jpe?g|gif|webp);base64,/i;
const BASE64 = /^[A-Za-z0-9+/\s_-]+={0,2}\s*$/;
const BASE64_CHECKED_CHARS = 4096;

/** The text itself if it is the `data:` URI of a picture that cannot hold a script. */
export function safeImage(text: unknown): string | undefined {
  return typeof text === "string" && DATA_IMAGE.test(text) ? text : undefined;
}

/** Bytes of an image of that type as a `data:` URI. */
export function imageOf(type: unknown, base64: unknown): string | undefined {
  if (typeof type !== "string" || typeof base64 !== "string" || !IMAGE_TYPE.test(type)) return undefined;
  if (!BASE64.test(base64.slice(0, BASE64_CHECKED_CHARS))) return undefined;
  return `data:${type.toLowerCase()};base64,${base64}`;
}

export interface SafeLink {
  href: string;
  host: string;
}

/** An address that a link may lead to: http and https only. */
export function safeLink(text: unknown): SafeLink | undefined {
  if (typeof text !== "string" || text.length > 8192 || !/^https?:\/\//i.test(text)) return undefined;
  try {
    const url = new URL(text);
    return { href: url.href, host: url.host };
  } catch {
    return undefined;
  }
}
