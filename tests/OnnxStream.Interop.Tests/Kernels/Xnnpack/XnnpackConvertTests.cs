using OnnxStream.Interop.Bindings;

namespace OnnxStream.Interop.Tests.Kernels;

/// <summary>XNNPACK's conversions to 8 bits, compared with plain loops.</summary>
[NativeMemoryLeakCheck]
public unsafe class XnnpackConvertTests
{
    [Test]
    public void RowsAreQuantizedEachByItsOwnRange([Values(1, 2, 16, 33)] int rows,
        [Values(1, 5, 31, 64, 321)] int channels)
    {
        // Rows of different size and offset: some of one sign only, one of zeros.
        float[] x = XnnpackOperator.Floats(1, rows * channels);
        for (int i = 0; i < x.Length; i++)
        {
            int row = i / channels;
            x[i] = row % 5 == 4 ? 0 : x[i] * MathF.Pow(10, row % 4 - 2) + row % 3 - 1;
        }

        xnn_operator* created = XnnpackOperator.Create(created => Xnnpack.xnn_create_convert_nc_f32_qd8(0, created));
        using GuardedMemory<float> input = new(x);
        using GuardedMemory<sbyte> output = new(rows * channels);
        // The header asks for so many entries behind the rows, and they are written.
        using GuardedMemory<xnn_quantization_params> parameters = new(rows + Xnnpack.XNN_EXTRA_QUANTIZATION_PARAMS);
        (nint inputPointer, nint outputPointer, nint parametersPointer) =
            ((nint)input.Pointer, (nint)output.Pointer, (nint)parameters.Pointer);
        XnnpackOperator.Run(
            created, created =>
                Xnnpack.xnn_reshape_convert_nc_f32_qd8(created, (nuint)rows, (nuint)channels, (nuint)channels,
                (nuint)channels, null),
            created => Xnnpack.xnn_setup_convert_nc_f32_qd8(created, (float*)inputPointer, (sbyte*)outputPointer,
                (xnn_quantization_params*)parametersPointer));
        XnnpackOperator.Delete(created);
        for (int row = 0; row < rows; row++)
        {
            xnn_quantization_params found = parameters.Span[row];
            float low = Math.Min(0, x.AsSpan(row * channels, channels).ToArray().Min()), high =
                Math.Max(0, x.AsSpan(row * channels, channels).ToArray().Max());
            float scale = low == high ? 1 : (high - low) / 255;
            Assert.That(found.scale, Is.EqualTo(scale).Within(1e-4).Percent, $"row {row}");
            if (low != high)
            {
                Assert.That(found.zero_point, Is.EqualTo(-128 - low / scale).Within(0.51), $"row {row}");
            }

            for (int i = row * channels; i < (row + 1) * channels; i++)
            {
                // Half a step for rounding, and half a one where the zero point was rounded.
                Assert.That((output.Span[i] - found.zero_point) * found.scale, Is.EqualTo(x[i]).Within(1.01 * scale),
                    $"row {row}");
            }
        }

        Assert.That(parameters.Span[rows..].ToArray(), Is.All.EqualTo(parameters.Span[rows - 1]));
    }

    [Test]
    public void NumbersAreQuantizedByOneRange([Values(1, 7, 64, 1000)] int count)
    {
        xnn_quantization_params quantization = new() { zero_point = -7, scale = 0.013F };
        float[] x = XnnpackOperator.Floats(1, count, -2.5F, 2.5F);
        xnn_operator* created = XnnpackOperator.Create(created =>
        {
            xnn_quantization_params outputs = quantization;
            return Xnnpack.xnn_create_unary_elementwise_nc(
                xnn_unary_operator.xnn_unary_convert, xnn_datatype.xnn_datatype_fp32, xnn_datatype.xnn_datatype_qint8,
                    null, null, &outputs, 0, created);
        });
        using GuardedMemory<float> input = new(x);
        using GuardedMemory<sbyte> output = new(count);
        (nint inputPointer, nint outputPointer) = ((nint)input.Pointer, (nint)output.Pointer);
        XnnpackOperator.Run(
            created, created =>
                Xnnpack.xnn_reshape_unary_elementwise_nc(created, 1, (nuint)count, (nuint)count, (nuint)count, null),
            created => Xnnpack.xnn_setup_unary_elementwise_nc(created, (void*)inputPointer, (void*)outputPointer));
        XnnpackOperator.Delete(created);
        XnnpackOperator.CheckRounded(output.Span,
            [.. x.Select(value => value / (double)quantization.scale + quantization.zero_point)], $"{count} numbers");
    }
}
