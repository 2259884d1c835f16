import type { GraphQLSchema } from 'graphql';
import { buildSchemaSync, type ClassType, getMetadataStorage, type NonEmptyArray } from 'type-graphql';

async function* nothing(): AsyncGenerator<never> {}

/**
 * Builds the GraphQL schema.
 *
 * @param resolvers one of each class of resolvers
 */
export function createSchema(resolvers: readonly object[]): GraphQLSchema {
  const instances = new Map(resolvers.map((resolver) => [resolver.constructor, resolver]));
  // A field that no resolver has is read by graphql-js itself, which takes no function of type-graphql for it.
  for (const type of getMetadataStorage().objectTypes) type.simpleResolvers ??= true;
  return buildSchemaSync({
    resolvers: [...instances.keys()] as unknown as NonEmptyArray<ClassType>,
    container: { get: (resolver: ClassType) => instances.get(resolver) },
    // Inputs are validated by the same function as the REST routes' are.
    validate: false,
    // Subscriptions are carried by the event streams, which ask for this schema's types only.
    pubSub: { publish: () => undefined, subscribe: () => ({ [Symbol.asyncIterator]: nothing }) },
  });
}
