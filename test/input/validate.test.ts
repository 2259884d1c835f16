import 'reflect-metadata';
import { describe, expect, test } from '@jest/globals';
import { IsInt, registerDecorator, ValidateNested, type ValidationArguments } from 'class-validator';
import {
  AddDatasourceInput,
  EditDatasourceInput,
  UpdateDatasourceInput,
} from '../../src/datasources/datasource.input.js';
import { InvalidParametersError } from '../../src/errors.js';
import { validated } from '../../src/input/validate.js';
import { datasourceInput } from '../support/samples.js';

function problemsOf(input: object): string[] {
  try {
    validated(input);
    return [];
  } catch (error) {
    return (error as InvalidParametersError).problems.map(({ property }) => property).sort();
  }
}

function made<T extends object>(inputClass: new () => T, values: object): T {
  return Object.assign(new inputClass(), values);
}

describe('an input', () => {
  test('that keeps every rule is given back as it is', () => {
    const input = made(AddDatasourceInput, datasourceInput('orders'));
    expect(validated(input)).toBe(input);
  });

  test.each([AddDatasourceInput, EditDatasourceInput, UpdateDatasourceInput])(
    'is refused by the rules of its base classes too: %p',
    (inputClass) => {
      expect(problemsOf(made(inputClass as new () => object, datasourceInput('', { createType: 2 })))).toEqual([
        'createType',
        'instanceId',
      ]);
    },
  );

  test('is refused by its own rules', () => {
    expect(problemsOf(made(EditDatasourceInput, datasourceInput('orders', { expectedVersion: 0 })))).toEqual([
      'expectedVersion',
    ]);
  });

  test("is refused by the library's own decorators, those that look into a value among them", () => {
    class Inner {
      @IsInt()
      number = 'one';
    }
    class Outer {
      @ValidateNested()
      inner = new Inner();
    }
    class Listed {
      @IsInt({ each: true })
      numbers = [1, 'two'];
    }
    expect(() => validated(new Inner())).toThrow(InvalidParametersError);
    expect(() => validated(new Outer())).toThrow(InvalidParametersError);
    expect(() => validated(new Listed())).toThrow(InvalidParametersError);
  });

  test('is judged by what a rule says of it as a whole', () => {
    class Pair {
      readonly least = 2;
      readonly greatest = 1;
    }
    const validate = (value: unknown, argument?: ValidationArguments) =>
      Number(value) >= ((argument as ValidationArguments).object as Pair).least;
    registerDecorator({ target: Pair, propertyName: 'greatest', validator: { validate } });
    expect(problemsOf(new Pair())).toEqual(['greatest']);
    expect(problemsOf(made(Pair, { greatest: 3 }))).toEqual([]);
  });
});
