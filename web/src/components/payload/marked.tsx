import classes from "./marked.module.css";
import { piecesOf } from "./marks";

/** A text in which the marks of redacted secrets stand out. */
export function Marked({ text }: { text: string }) {
  return piecesOf(text).map((piece) =>
    piece.secret === undefined ? (
      piece.text
    ) : (
      <span
        key={piece.start}
        className={classes.secret}
        title="A secret stood here. It was taken out before the event was stored."
      >
        {piece.text}
      </span>
    ),
  );
}
