/** What the API answers, by name. All of it is generated from its OpenAPI document. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Agent = Schemas["Agent"];
export type Artifact = Schemas["Artifact"];
export type DeadLetter = Schemas["DeadLetter"];
export type FiguresBucket = Schemas["FiguresBucket"];
export type FiguresSummary = Schemas["FiguresSummary"];
export type DeadLetterCount = Schemas["DeadLetterCount"];
export type DeadLetterPage = Schemas["DeadLetterPage"];
export type Key = Schemas["Key"];
export type ModelFigures = Schemas["ModelFigures"];
export type Pipeline = Schemas["Pipeline"];
export type Project = Schemas["Project"];
export type Run = Schemas["Run"];
export type RunSummary = Schemas["RunSummary"];
export type RunStatus = RunSummary["status"];
export type Session = Schemas["Session"];
export type Step = Schemas["Step"];
export type StepKind = NonNullable<Step["kind"]>;
export type ToolFigures = Schemas["ToolFigures"];
export type User = Schemas["User"];
export type WholeDeadLetter = Schemas["WholeDeadLetter"];
export type WholeStep = Schemas["WholeStep"];

export const RUN_STATUSES = [
  "RUNNING",
  "PENDING",
  "SUCCESS",
  "FAILED",
  "CANCELLED",
] as const satisfies readonly RunStatus[];
export type StepStatus = Step["status"];
