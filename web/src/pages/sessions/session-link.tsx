import { Link } from "@tanstack/react-router";
import { placeOfSession } from "@/lib/places";
import classes from "./session-link.module.css";

/** A session's id as a link to its page. */
export function SessionLink({ id }: { id: string }) {
  const { params, search } = placeOfSession(id);
  return (
    <Link to="/sessions/$sessionId" params={params} search={search} className={classes.link} title={id}>
      {id.trim() === "" ? JSON.stringify(id) : id}
    </Link>
  );
}
