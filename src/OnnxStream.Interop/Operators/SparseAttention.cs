using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.SparseAttention: GroupQueryAttention in which a query sees only the keys of some blocks. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>
/// Rows and columns of the blocks, the lengths of the sequences and the longest of them must be known when planning. All products are computed; blocks that are
/// not seen get a bias.
/// </remarks>
internal sealed class SparseAttention : FunctionOperator
{
    private const long MostBlocks = 1 << 24;

    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        long heads = context.Attributes.Int("num_heads", 0);
        long size = context.Attributes.Int("sparse_block_size", 0);
        Shape tokens = context.InputShape(0);
        Shape rows = context.InputShape(5);
        Shape columns = context.InputShape(6);
        long total = context.RequireInteger(7);
        long past = tokens.Rank == 3 ? total - tokens[1] : -1;
        if (heads < 1 || size < 1 || past < 0 || rows.Rank != 2 || rows[0] < 1 || rows[1] < 2 || columns.Rank != 2 || columns[0] != rows[0] || heads % rows[0] != 0 || total > checked((rows[1] - 1) * size))
        {
            throw context.Invalid($"queries {tokens} of {heads} heads, {total} keys, and rows {rows} and columns {columns} of blocks of {size} do not fit together");
        }

        if (context.InputType(8) != new TensorType(ElementType.Int32, new Shape(tokens[0])))
        {
            throw context.Invalid($"lengths {context.InputType(8)} must be int32 [{tokens[0]}]");
        }

        // From a query's block to a key's: 0 where it is seen. Heads take turns at the layouts.
        ElementType type = context.InputElementType(0);
        (long firstRow, long count) = (past / size, total / size + 1);
        Value blocks = context.Cast(context.Constant<float>(Blocks(context, rows, columns, firstRow, count), rows[0], count - firstRow, count), type);
        Value ofQueries = context.Add("Sub", [BlocksOf(past, total), context.Constant<long>([firstRow])]);
        Value bias = context.Add("Gather", [context.Add("Gather", [blocks, ofQueries], ("axis", 1)), BlocksOf(0, total)], ("axis", 2));
        bias = context.Add("Gather", [bias, context.Add("Mod", [Counted(0, heads), context.Constant<long>([rows[0]])])], ("axis", 0));
        bias = context.Reshape(bias, 1, heads, tokens[1], total);
        Value lasts = context.Add("Sub", [context.Input(8), context.Constant([1])]);
        Value?[] inputs = [context.Input(0), context.OptionalInput(1), context.OptionalInput(2), context.Input(3), context.Input(4), lasts, context.Input(7), context.OptionalInput(9), context.OptionalInput(10), null, bias];
        List<(string, object)> attributes = [("num_heads", heads), ("kv_num_heads", context.Attributes.Int("kv_num_heads", 0)), ("do_rotary", context.Attributes.Int("do_rotary", 0)), ("rotary_interleaved", context.Attributes.Int("rotary_interleaved", 0))];
        if (context.Attributes.Has("scale"))
        {
            attributes.Add(("scale", context.Attributes.Float("scale", 0)));
        }

        Value[] outputs = context.AddMicrosoft("GroupQueryAttention", 3, inputs, [.. attributes]);
        for (int i = 0; i < outputs.Length; i++)
        {
            context.SetOutput(i, outputs[i]);
        }

        Value Counted(long first, long end) => context.Add("Range", [context.Constant<long>([first]), context.Constant<long>([end]), context.Constant<long>([1])]);

        Value BlocksOf(long first, long end) => context.Add("Div", [Counted(first, end), context.Constant<long>([size])]);
    }

    // For each layout, each row of blocks from the first on and each column: 0 where keys are seen. A row lists its columns, beginning where the one before ends.
    private static float[] Blocks(FunctionContext context, Shape rows, Shape columns, long firstRow, long count)
    {
        if (rows[0] * (count - firstRow) > MostBlocks / count)
        {
            throw context.Unsupported($"{rows[0]} layouts of {count - firstRow} rows and {count} columns of blocks");
        }

        long[] starts = context.RequireIntegers(5);
        long[] listed = context.RequireIntegers(6);
        float[] blocks = new float[rows[0] * (count - firstRow) * count];
        Array.Fill(blocks, float.NegativeInfinity);
        for (long layout = 0; layout < rows[0]; layout++)
        {
            for (long row = firstRow; row < Math.Min(count, rows[1] - 1); row++)
            {
                (long start, long end) = (starts[layout * rows[1] + row], starts[layout * rows[1] + row + 1]);
                if (start < 0 || end < start || end > columns[1])
                {
                    throw context.Invalid($"row {row} of blocks lies from {start} to {end} of {columns[1]} columns");
                }

                for (long i = start; i < end; i++)
                {
                    long column = listed[layout * columns[1] + i];
                    if (column < 0 || column >= rows[1] - 1)
                    {
                        throw context.Invalid($"there is no column {column} of {rows[1] - 1} blocks");
                    }

                    if (column < count)
                    {
                        blocks[(layout * (count - firstRow) + row - firstRow) * count + column] = 0;
                    }
                }
            }
        }

        return blocks;
    }
}
