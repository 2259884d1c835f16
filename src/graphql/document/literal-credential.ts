import { BREAK, type DocumentNode, Kind, OperationTypeNode, visit } from 'graphql';

/**
 * Whether a document has a text written into a mutation, which may be a credential. Such a document is kept nowhere; it would
 * hardly come again, for what it changes stands in it.
 */
export function mayHoldCredential(document: DocumentNode): boolean {
  const changes = document.definitions.some(
    (definition) =>
      definition.kind === Kind.OPERATION_DEFINITION && definition.operation === OperationTypeNode.MUTATION,
  );
  let hasText = false;
  if (changes) {
    visit(document, {
      StringValue: () => {
        hasText = true;
        return BREAK;
      },
    });
  }
  return hasText;
}
