using OnnxStream.Interop.Bindings;

namespace OnnxStream.Interop.Tests.Kernels;

/// <summary>
/// XNNPACK's products of quantized and half-precision numbers, compared with plain loops: 1 to 33 rows, each in buffers
/// of their own that end where the rows end.
/// </summary>
[NativeMemoryLeakCheck]
public unsafe class XnnpackFullyConnectedTests
{
    private const int MaximumRows = 33;

    // Channels that fill no vector, one more than a vector, more than a tile of the widest kernel.
    [TestCase(1, 1)]
    [TestCase(7, 5)]
    [TestCase(64, 17)]
    [TestCase(65, 33)]
    [TestCase(100, 70)]
    [TestCase(129, 131)]
    public void DynamicallyQuantizedRowsAndChannelScales(int inputs, int outputs)
    {
        sbyte[] weights = XnnpackOperator.Integers(1, outputs * inputs);
        float[] scales = XnnpackOperator.Floats(2, outputs, 0.001F, 0.02F);
        CheckDynamic(
            inputs, outputs, (n, k) => weights[n * inputs + k] * (double)scales[n],
            (bias, created) =>
            {
                fixed (sbyte* w = weights)
                fixed (float* s = scales)
                {
                    return Xnnpack.xnn_create_fully_connected_nc_qd8_f32_qc8w((nuint)inputs, (nuint)outputs,
                        (nuint)inputs, (nuint)outputs, s, w, bias, float.NegativeInfinity, float.PositiveInfinity, 0,
                        null, null, created);
                }
            },
            (created, rows) => Xnnpack.xnn_reshape_fully_connected_nc_qd8_f32_qc8w(created, rows, null),
            (created, x, y, parameters) =>
                Xnnpack.xnn_setup_fully_connected_nc_qd8_f32_qc8w(created, x, y, parameters));
    }

    [TestCase(2, 1)]
    [TestCase(8, 5)]
    [TestCase(64, 17)]
    [TestCase(66, 33)]
    [TestCase(130, 131)]
    public void DynamicallyQuantizedRowsAndFourBits(int inputs, int outputs)
    {
        sbyte[] weights = XnnpackOperator.Integers(1, outputs * inputs, 0, 15);
        byte[] packed = PackNibbles(weights);
        float[] scales = XnnpackOperator.Floats(2, outputs, 0.01F, 0.2F);
        CheckDynamic(
            inputs, outputs, (n, k) => (weights[n * inputs + k] - 8) * (double)scales[n],
            (bias, created) =>
            {
                fixed (byte* w = packed)
                fixed (float* s = scales)
                {
                    return Xnnpack.xnn_create_fully_connected_nc_qd8_f32_qc4w((nuint)inputs, (nuint)outputs,
                        (nuint)inputs, (nuint)outputs, 8, s, w, bias, float.NegativeInfinity, float.PositiveInfinity,
                        0, null, null, created);
                }
            },
            (created, rows) => Xnnpack.xnn_reshape_fully_connected_nc_qd8_f32_qc4w(created, rows, null),
            (created, x, y, parameters) =>
                Xnnpack.xnn_setup_fully_connected_nc_qd8_f32_qc4w(created, x, y, parameters));
    }

    [TestCase(32, 32, 1)]
    [TestCase(64, 32, 17)]
    [TestCase(96, 32, 33)]
    [TestCase(128, 64, 70)]
    [TestCase(256, 128, 5)]
    public void DynamicallyQuantizedRowsAndFourBitsInBlocks(int inputs, int block, int outputs)
    {
        sbyte[] weights = XnnpackOperator.Integers(1, outputs * inputs, 0, 15);
        byte[] packed = PackNibbles(weights);
        int blocks = inputs / block;
        ushort[] scales =
        [
            .. XnnpackOperator.Floats(2, outputs * blocks, 0.01F, 0.2F)
                .Select(scale => (ushort)(BitConverter.SingleToUInt32Bits(scale) >> 16)),
        ];
        CheckDynamic(
            inputs, outputs,
            (n, k) => (weights[n * inputs + k] - 8.0) *
                BitConverter.UInt32BitsToSingle((uint)scales[n * blocks + k / block] << 16),
            (bias, created) =>
            {
                fixed (byte* w = packed)
                fixed (ushort* s = scales)
                {
                    return Xnnpack.xnn_create_fully_connected_nc_qd8_f32_qb4w(
                        (nuint)inputs, (nuint)outputs, (nuint)inputs, (nuint)outputs, (nuint)block, 8, s, w, bias,
                            float.NegativeInfinity, float.PositiveInfinity, 0, null, null, created);
                }
            },
            (created, rows) => Xnnpack.xnn_reshape_fully_connected_nc_qd8_f32_qb4w(created, rows, null),
            (created, x, y, parameters) =>
                Xnnpack.xnn_setup_fully_connected_nc_qd8_f32_qb4w(created, x, y, parameters));
    }

    [TestCase(7, 5)]
    [TestCase(64, 17)]
    [TestCase(65, 33)]
    [TestCase(129, 131)]
    public void StaticallyQuantizedRowsAndChannelScales(int inputs, int outputs)
    {
        const float InputScale = 0.03F, OutputScale = 0.4F;
        const sbyte InputZero = -3, OutputZero = 5;
        sbyte[] weights = XnnpackOperator.Integers(1, outputs * inputs);
        sbyte[] x = XnnpackOperator.Integers(3, MaximumRows * inputs);
        float[] scales = XnnpackOperator.Floats(2, outputs, 0.001F, 0.02F);
        int[] bias = [.. XnnpackOperator.Floats(4, outputs, -3000, 3000).Select(b => (int)b)];
        double[] expected =
            Rows(inputs, outputs, (m, n, sum) => OutputZero + (sum + bias[n]) * InputScale * scales[n] / OutputScale,
            (m, k) => x[m * inputs + k] - InputZero, (n, k) => weights[n * inputs + k]);
        using GuardedMemory<sbyte> w = new(weights);
        using GuardedMemory<float> s = new(scales);
        using GuardedMemory<int> b = new(bias);
        (nint weightsPointer, nint scalesPointer, nint biasPointer) =
            ((nint)w.Pointer, (nint)s.Pointer, (nint)b.Pointer);
        xnn_operator* created = XnnpackOperator.Create(created => Xnnpack.xnn_create_fully_connected_nc_qs8_qc8w(
            (nuint)inputs, (nuint)outputs, (nuint)inputs, (nuint)outputs, InputZero, InputScale, (float*)scalesPointer,
                (sbyte*)weightsPointer, (int*)biasPointer, OutputZero, OutputScale,
            sbyte.MinValue, sbyte.MaxValue, 0, null, null, created));
        for (int rows = 1; rows <= MaximumRows; rows++)
        {
            using GuardedMemory<sbyte> input = new(x.AsSpan(0, rows * inputs));
            using GuardedMemory<sbyte> output = new(rows * outputs);
            (nuint count, nint inputPointer, nint outputPointer) =
                ((nuint)rows, (nint)input.Pointer, (nint)output.Pointer);
            XnnpackOperator.Run(
                created, created => Xnnpack.xnn_reshape_fully_connected_nc_qs8_qc8w(created, count, null),
                created => Xnnpack.xnn_setup_fully_connected_nc_qs8_qc8w(created, (sbyte*)inputPointer,
                    (sbyte*)outputPointer));
            XnnpackOperator.CheckRounded(output.Span, expected, $"{rows} rows");
        }

        XnnpackOperator.Delete(created);
    }

    // The kernels scale their sums, and the sums begin with the bias.
    [Test]
    public void BiasesOfFloatRowsAreNotScaled([Values(5, 64, 131)] int outputs, [Values(8, 65)] int inputs,
        [Values(8, 4)] int bits)
    {
        if (bits == 4)
        {
            inputs += inputs % 2;
        }

        sbyte[] weights = bits == 8 ? XnnpackOperator.Integers(1, outputs * inputs)
            : XnnpackOperator.Integers(1, outputs * inputs, 0, 15);
        byte[] packed = bits == 8 ? [] : PackNibbles(weights);
        float[] scales = XnnpackOperator.Floats(2, outputs, 0.001F, 0.02F);
        float[] bias = XnnpackOperator.Floats(3, outputs, -100, 100);
        float[] x = XnnpackOperator.Floats(4, MaximumRows * inputs);
        int zero = bits == 8 ? 0 : 8;
        double[] expected =
            Rows(inputs, outputs, (m, n, sum) => sum * scales[n] + bias[n], (m, k) => x[m * inputs + k],
            (n, k) => weights[n * inputs + k] - zero);
        xnn_operator* created = XnnpackOperator.Create(created =>
        {
            fixed (sbyte* w = weights)
            fixed (byte* w4 = packed)
            fixed (float* s = scales, b = bias)
            {
                return bits == 8
                    ? Xnnpack.xnn_create_fully_connected_nc_f32_qc8w((nuint)inputs, (nuint)outputs, (nuint)inputs,
                        (nuint)outputs, s, w, b, float.NegativeInfinity, float.PositiveInfinity, 0, null, null, created)
                    : Xnnpack.xnn_create_fully_connected_nc_f32_qc4w((nuint)inputs, (nuint)outputs, (nuint)inputs,
                        (nuint)outputs, 8, s, w4, b, float.NegativeInfinity, float.PositiveInfinity, 0, null, null,
                        created);
            }
        });
        for (int rows = 1; rows <= MaximumRows; rows++)
        {
            using GuardedMemory<float> input = new(x.AsSpan(0, rows * inputs));
            using GuardedMemory<float> output = new(rows * outputs);
            (nuint count, nint inputPointer, nint outputPointer) =
                ((nuint)rows, (nint)input.Pointer, (nint)output.Pointer);
            XnnpackOperator.Run(
                created,
                created => bits == 8 ? Xnnpack.xnn_reshape_fully_connected_nc_f32_qc8w(created, count, null)
                    : Xnnpack.xnn_reshape_fully_connected_nc_f32_qc4w(created, count, null),
                created => bits == 8
                    ? Xnnpack.xnn_setup_fully_connected_nc_f32_qc8w(created, (float*)inputPointer,
                        (float*)outputPointer)
                    : Xnnpack.xnn_setup_fully_connected_nc_f32_qc4w(created, (float*)inputPointer,
                        (float*)outputPointer));
            XnnpackOperator.CheckClose(output.Span, expected, 1e-4, $"{rows} rows");
        }

        XnnpackOperator.Delete(created);
    }

    // Weights that are packed when they are used, into memory that is full of NaN.
    [Test]
    public void PaddingOfWeightsPackedAtRunTimeIsWritten([Values(1, 2, 3, 4, 5, 6, 7, 66)] int inputs,
        [Values(1, 2, 3, 31, 33, 70)] int outputs, [Values] bool transposed, [Values] bool hasBias)
    {
        float[] weights = XnnpackOperator.Floats(1, outputs * inputs);
        float[] bias = XnnpackOperator.Floats(2, outputs);
        float[] x = XnnpackOperator.Floats(3, MaximumRows * inputs);
        double[] expected = Rows(
            inputs, outputs, (m, n, sum) => sum + (hasBias ? bias[n] : 0), (m, k) => x[m * inputs + k], (n, k) =>
                transposed ? weights[k * outputs + n] : weights[n * inputs + k]);
        xnn_operator* created = XnnpackOperator.Create(
            created => Xnnpack.xnn_create_dynamic_fully_connected_nc_f32(float.NegativeInfinity,
                float.PositiveInfinity, transposed ? (uint)Xnnpack.XNN_FLAG_TRANSPOSE_WEIGHTS : 0, created));
        using GuardedMemory<float> w = new(weights);
        using GuardedMemory<float> b = new(bias);
        foreach (int rows in new[] { 1, 2, 5, 14, 33 })
        {
            nuint size = 0, alignment = 0;
            Assert.That(
                Xnnpack.xnn_reshape_dynamic_fully_connected_nc_f32(created, (nuint)rows, (nuint)inputs, (nuint)outputs,
                    (nuint)inputs, (nuint)outputs, &size, &alignment, null),
                Is.EqualTo(xnn_status.xnn_status_success));
            using GuardedMemory<float> input = new(x.AsSpan(0, rows * inputs));
            using GuardedMemory<float> output = new(rows * outputs);
            // The memory ends at a page, so a length of whole alignments begins at one; XNNPACK may read 16 bytes
            // behind it.
            using GuardedMemory<byte> workspace =
                new((int)((size + Xnnpack.XNN_EXTRA_BYTES + alignment - 1) / alignment * alignment));
            Assert.That(
                Xnnpack.xnn_setup_dynamic_fully_connected_nc_f32(created, workspace.Pointer, input.Pointer, w.Pointer,
                    hasBias ? b.Pointer : null, output.Pointer), Is.EqualTo(xnn_status.xnn_status_success));
            Assert.That(Xnnpack.xnn_run_operator(created, null), Is.EqualTo(xnn_status.xnn_status_success));
            XnnpackOperator.CheckClose(output.Span, expected, 1e-5, $"{rows} rows");
        }

        XnnpackOperator.Delete(created);
    }

    // More than 64 columns, the second half of which AVX512-FP16 kernels once stored one column behind the first.
    [Test]
    public void HalfPrecision([Values(1, 64, 97, 130)] int outputs, [Values(3, 64)] int inputs)
    {
        Half[] weights = Halves(1, outputs * inputs), bias = Halves(2, outputs), x = Halves(3, MaximumRows * inputs);
        double[] expected =
            Rows(inputs, outputs, (m, n, sum) => sum + (double)bias[n], (m, k) => (double)x[m * inputs + k], (n, k) =>
            (double)weights[n * inputs + k]);
        xnn_operator* created = null;
        OnnxStream.Interop.Native.XnnpackLibrary.Initialize();
        fixed (Half* w = weights, b = bias)
        {
            xnn_status status = Xnnpack.xnn_create_fully_connected_nc_f16(
                (nuint)inputs, (nuint)outputs, (nuint)inputs, (nuint)outputs, w, b, float.NegativeInfinity,
                    float.PositiveInfinity, 0, null, null, &created);
            if (status == xnn_status.xnn_status_unsupported_hardware)
            {
                Assert.Ignore("This processor has no half-precision kernels.");
            }

            Assert.That(status, Is.EqualTo(xnn_status.xnn_status_success));
        }

        for (int rows = 1; rows <= MaximumRows; rows++)
        {
            using GuardedMemory<Half> input = new(x.AsSpan(0, rows * inputs));
            using GuardedMemory<Half> output = new(rows * outputs);
            (nuint count, nint inputPointer, nint outputPointer) =
                ((nuint)rows, (nint)input.Pointer, (nint)output.Pointer);
            XnnpackOperator.Run(
                created, created => Xnnpack.xnn_reshape_fully_connected_nc_f16(created, count, null), created =>
                    Xnnpack.xnn_setup_fully_connected_nc_f16(created, (void*)inputPointer, (void*)outputPointer));
            XnnpackOperator.CheckClose([.. output.Span.ToArray().Select(y => (float)y)], expected, 0.03,
                $"{rows} rows");
        }

        XnnpackOperator.Delete(created);
    }

    private delegate xnn_status DynamicCreation(float* bias, xnn_operator** created);

    private delegate xnn_status DynamicShape(xnn_operator* created, nuint rows);

    private delegate xnn_status DynamicSetup(xnn_operator* created, sbyte* input, float* output,
        xnn_quantization_params* parameters);

    private static void CheckDynamic(int inputs, int outputs, Func<int, int, double> weight, DynamicCreation create,
        DynamicShape reshape, DynamicSetup setUp)
    {
        float[] bias = XnnpackOperator.Floats(5, outputs, -10, 10);
        sbyte[] x = XnnpackOperator.Integers(6, MaximumRows * inputs, -128);
        xnn_quantization_params[] parameters = XnnpackOperator.RowParameters(7, MaximumRows);
        double[] expected =
            Rows(inputs, outputs, (m, n, sum) => sum * parameters[m].scale + bias[n], (m, k) =>
            x[m * inputs + k] - parameters[m].zero_point, weight);
        using GuardedMemory<float> b = new(bias);
        nint biasPointer = (nint)b.Pointer;
        xnn_operator* created = XnnpackOperator.Create(created => create((float*)biasPointer, created));
        for (int rows = 1; rows <= MaximumRows; rows++)
        {
            // Parameters end with the rows: nothing behind them may be read.
            using GuardedMemory<sbyte> input = new(x.AsSpan(0, rows * inputs));
            using GuardedMemory<xnn_quantization_params> rowParameters =
                new(parameters.AsSpan(0, rows), readPastEnd: 0);
            using GuardedMemory<float> output = new(rows * outputs);
            (nuint count, nint inputPointer, nint outputPointer, nint parametersPointer) =
                ((nuint)rows, (nint)input.Pointer, (nint)output.Pointer, (nint)rowParameters.Pointer);
            XnnpackOperator.Run(created, created => reshape(created, count), created =>
                setUp(created, (sbyte*)inputPointer, (float*)outputPointer,
                (xnn_quantization_params*)parametersPointer));
            XnnpackOperator.CheckClose(output.Span, expected, 1e-4, $"{rows} rows");
        }

        XnnpackOperator.Delete(created);
    }

    // A result for each of the most rows: the first of them are those of fewer rows.
    private static double[] Rows(int inputs, int outputs, Func<int, int, double, double> finish, Func<int, int,
        double> x, Func<int, int, double> weight)
    {
        double[] results = new double[MaximumRows * outputs];
        for (int m = 0; m < MaximumRows; m++)
        {
            for (int n = 0; n < outputs; n++)
            {
                double sum = 0;
                for (int k = 0; k < inputs; k++)
                {
                    sum += x(m, k) * weight(n, k);
                }

                results[m * outputs + n] = finish(m, n, sum);
            }
        }

        return results;
    }

    private static byte[] PackNibbles(sbyte[] values)
    {
        byte[] packed = new byte[(values.Length + 1) / 2];
        for (int i = 0; i < values.Length; i++)
        {
            packed[i / 2] |= (byte)(values[i] << (i % 2 * 4));
        }

        return packed;
    }

    private static Half[] Halves(int seed, int length) =>
        [.. XnnpackOperator.Floats(seed, length).Select(value => (Half)value)];
}
