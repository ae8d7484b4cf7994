export interface Field {
  readonly number: number;
  /** Of a length-delimited field. */
  readonly bytes: Buffer;
  /** Of a number. */
  readonly value: bigint;
}

const NOTHING = Buffer.alloc(0);

/** The fields of one message of protobuf: https://protobuf.dev/programming-guides/encoding/ */
export function readFields(message: Buffer): Field[] {
  const fields: Field[] = [];
  let offset = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[offset];
      if (byte === undefined) throw new Error('the message ends in the middle of a number');
      offset += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (offset < message.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    switch (tag & 7) {
      case 0:
        fields.push({ number, bytes: NOTHING, value: varint() });
        break;
      case 1:
        fields.push({ number, bytes: NOTHING, value: message.readBigUInt64LE(offset) });
        offset += 8;
        break;
      case 2: {
        const length = Number(varint());
        fields.push({ number, bytes: message.subarray(offset, offset + length), value: 0n });
        offset += length;
        break;
      }
      case 5:
        fields.push({ number, bytes: NOTHING, value: BigInt(message.readUInt32LE(offset)) });
        offset += 4;
        break;
      default:
        throw new Error(`no such wire type: ${String(tag & 7)}`);
    }
  }
  return fields;
}
