import { useEffect, useState } from "react";

/** Whether what is shown is still the answer to another question than the one that is asked now. */
export function useIsOld(question: string, isPlaceholder: boolean): boolean {
  const [answered, setAnswered] = useState(question);
  useEffect(() => {
    if (!isPlaceholder) setAnswered(question);
  }, [question, isPlaceholder]);
  return isPlaceholder && answered !== question;
}
