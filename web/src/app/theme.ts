import {
  ActionIcon,
  Badge,
  Button,
  type CSSVariablesResolver,
  createTheme,
  type MantineColorsTuple,
  Menu,
  Modal,
  Select,
  Switch,
  TextInput,
  Tooltip,
} from "@mantine/core";

const iris: MantineColorsTuple = [
  "#eef0fc",
  "#dfe2f8",
  "#c3c8f2",
  "#a3abf0",
  "#8791e8",
  "#6b76dc",
  "#5661cf",
  "#4350bd",
  "#3945a5",
  "#2e3889",
];

/** Mantine's greys of the dark theme in the tone of ours: text, borders, hovered, raised, surface, page. */
const dark: MantineColorsTuple = [
  "#e6e7eb",
  "#c3c5ce",
  "#a3a6b3",
  "#636776",
  "#30333f",
  "#2a2d38",
  "#23252d",
  "#1a1c22",
  "#15171c",
  "#131419",
];

export const theme = createTheme({
  primaryColor: "iris",
  primaryShade: { light: 7, dark: 7 },
  colors: { iris, dark },
  fontFamily: "'Inter Variable', system-ui, -apple-system, 'Segoe UI', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', 'Cascadia Code', Menlo, Consolas, 'DejaVu Sans Mono', monospace",
  defaultRadius: "sm",
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "1rem", xl: "1.25rem" },
  headings: {
    fontWeight: "600",
    sizes: { h1: { fontSize: "1.25rem" }, h2: { fontSize: "0.9375rem" }, h3: { fontSize: "0.875rem" } },
  },
  respectReducedMotion: true,
  components: {
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: "subtle", color: "gray", size: "md" } }),
    Badge: Badge.extend({
      defaultProps: { variant: "light", radius: "sm" },
      styles: { root: { textTransform: "none" } },
    }),
    Button: Button.extend({ defaultProps: { size: "xs" } }),
    Menu: Menu.extend({ defaultProps: { shadow: "md", position: "bottom-end", withInitialFocusPlaceholder: false } }),
    Modal: Modal.extend({ defaultProps: { centered: true, closeButtonProps: { "aria-label": "Close" } } }),
    Select: Select.extend({ defaultProps: { size: "xs" } }),
    Switch: Switch.extend({ defaultProps: { size: "xs" } }),
    TextInput: TextInput.extend({ defaultProps: { size: "xs" } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 300, withArrow: true } }),
  },
});

/** Mantine's own neutral colours become ours, whose contrast is known. */
export const cssVariables: CSSVariablesResolver = () => {
  const both = {
    "--mantine-color-body": "var(--ag-surface)",
    "--mantine-color-text": "var(--ag-text)",
    "--mantine-color-dimmed": "var(--ag-dimmed)",
    "--mantine-color-default": "var(--ag-surface)",
    "--mantine-color-default-hover": "var(--ag-hover)",
    "--mantine-color-default-border": "var(--ag-border-strong)",
    "--mantine-color-default-color": "var(--ag-text)",
    "--mantine-color-placeholder": "var(--ag-dimmed)",
    "--mantine-color-anchor": "var(--ag-accent)",
    "--mantine-color-error": "var(--ag-danger)",
    "--mantine-color-gray-light-color": "var(--ag-dimmed)",
  };
  return { variables: {}, light: both, dark: both };
};
