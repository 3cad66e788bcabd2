import { Modal, Table } from "@mantine/core";
import classes from "./filter-bar.module.css";

const KEYS = [
  ["j, k", "next and previous run"],
  ["Enter", "open the run"],
  ["x", "choose the run, to compare two"],
  ["c", "compare the two that are chosen"],
  ["n", "show new runs"],
  ["/", "write a filter"],
  ["Backspace", "in an empty filter: remove the last one"],
  ["?", "this list"],
] as const;

const EXAMPLES = [
  ["status:failed", "runs that failed; once more for another status, too"],
  ["tool:search model:large-1", "with a step of each"],
  ["duration>30s cost>0.05", "that took at least so long and cost at least so much"],
  ["tag:env=prod", "tags by name, or by key and value"],
  ["metric:score<0.5", "a figure that runs report of themselves"],
  ['refund "order number" -test', "words, a phrase, and what is not to be there"],
] as const;

export function Help({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title="Keys and filters"
      size="lg"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <Rows label="Keys" rows={KEYS} />
      <Rows label="Filters" rows={EXAMPLES} />
    </Modal>
  );
}

function Rows({ label, rows }: { label: string; rows: readonly (readonly [string, string])[] }) {
  return (
    <Table verticalSpacing={4} mb="sm" withRowBorders={false} fz="sm">
      <Table.Thead>
        <Table.Tr>
          <Table.Th scope="col" w={220}>
            {label}
          </Table.Th>
          <Table.Th scope="col">What it does</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map(([what, meaning]) => (
          <Table.Tr key={what}>
            <Table.Th scope="row" fw={400}>
              <kbd className={classes.key}>{what}</kbd>
            </Table.Th>
            <Table.Td>{meaning}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
