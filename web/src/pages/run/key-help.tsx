import { Kbd, Modal, Table } from "@mantine/core";
import { KEYS } from "./use-keys";

export function KeyHelp({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  return (
    <Modal opened={isOpen} onClose={onClose} title="Keys" closeButtonProps={{ "aria-label": "Close" }} size={400}>
      <Table fz="sm" withRowBorders={false} verticalSpacing={4}>
        <Table.Tbody>
          {KEYS.map(([keys, meaning]) => (
            <Table.Tr key={keys}>
              <Table.Th scope="row" fw={400} w={150} style={{ whiteSpace: "nowrap" }}>
                {keys.split(" ").map((key) =>
                  key === "or" ? (
                    " or "
                  ) : (
                    <Kbd key={key} mr={4}>
                      {key}
                    </Kbd>
                  ),
                )}
              </Table.Th>
              <Table.Td>{meaning}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Modal>
  );
}
