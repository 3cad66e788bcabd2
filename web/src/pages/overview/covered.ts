const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

interface AnswerWindow {
  from: string;
  to: string;
  covered: { from: string; to: string };
}

const WORTH_SAYING = 1.1;

/** Some figures are of whole hours: in a short window that is worth a word. */
export function coveredHint(window: AnswerWindow | undefined): string | undefined {
  if (window === undefined) return undefined;
  const [from, to] = [Date.parse(window.covered.from), Date.parse(window.covered.to)];
  const asked = Date.parse(window.to) - Date.parse(window.from);
  return to - from > asked * WORTH_SAYING ? `whole hours, ${clock.format(from)} – ${clock.format(to)}` : undefined;
}
