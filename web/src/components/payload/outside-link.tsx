import { IconExternalLink } from "@tabler/icons-react";
import { safeLink } from "./safe-urls";

/** A link out of a payload, with the host that it leads to; plain text where it is not http or https. */
export function OutsideLink({ url }: { url: string }) {
  const link = safeLink(url);
  if (link === undefined) return <span style={{ overflowWrap: "anywhere" }}>{url}</span>;
  return (
    <a href={link.href} target="_blank" rel="noopener noreferrer" title={link.href}>
      {link.host} <IconExternalLink size={12} aria-hidden style={{ verticalAlign: "-1px" }} />
    </a>
  );
}
