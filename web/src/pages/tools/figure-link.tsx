import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { RunsSearch } from "@/pages/runs/search";
import classes from "./figures.module.css";

interface FigureLinkProps {
  /** The runs behind the figure; undefined where no list can show just them. */
  to: RunsSearch | undefined;
  /** Where it leads. */
  title?: string;
  children: ReactNode;
}

/** A figure of a table, and the way to the runs behind it. */
export function FigureLink({ to, title, children }: FigureLinkProps) {
  if (to === undefined) return children;
  return (
    <Link to="/runs" search={to} title={title} className={classes.figure}>
      {children}
    </Link>
  );
}
