import { useEffect, useEffectEvent } from "react";

/** Keys without Ctrl and the like, where nobody writes and no dialog or menu is open. True if it was of use. */
export function useKeys(onKey: (key: string, isInList: boolean) => boolean): void {
  const heard = useEffectEvent((event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isBusy(event.target)) return;
    const isInList = event.target instanceof Element && event.target.closest("tbody tr") !== null;
    if (onKey(event.key, isInList)) event.preventDefault();
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => heard(event);
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
}

function isBusy(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  const isWritten = target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox])");
  return isWritten || document.querySelector('[role="dialog"], [role="menu"]') !== null;
}
