using OnnxStream.Interop.Bindings;

namespace OnnxStream.Interop.Kernels;

/// <summary>Products of 4-bit numbers as the native library computes them, with integers: each number of the data becomes one of 24 bits.</summary>
/// <remarks>
/// That is as precise as single precision, and quicker, as no number of the matrix is converted. Rows of data for which it cannot be done (numbers that are
/// not finite, nearly zero, or 512 times the others of their group) are multiplied in single precision.
/// </remarks>
/// <inheritdoc cref="QuantizedDotProduct(ElementType, int, int)"/>
internal sealed unsafe class IntegerDotProduct(ElementType type, int length, int block) : QuantizedDotProduct(type, length, block)
{
    // In front of a row of data stands whether integers stand for its numbers, in as many bytes as keep what follows aligned.
    private const int HeadBytes = 64;

    // What makes numbers from -8 to 7 those from 0 to 15.
    private const int SignBits = 0x88;
    private const float SignedOffset = 8;

    private readonly QuantizedDotProduct _single = CreateSingle(type, length, block);
    private readonly long _arrangedBytes = Math.Max((long)Abi.onnxstream_few_rows_data_bytes((nuint)length), (long)length * sizeof(float)) + HeadBytes;
    private readonly bool _isSigned = type == ElementType.Int4;

    /// <summary>Whether this processor has it, for a type.</summary>
    public static bool IsSupported(ElementType type) => type is ElementType.UInt4 or ElementType.Int4 && Abi.onnxstream_few_rows_is_supported() != 0;

    /// <inheritdoc/>
    public override long ArrangedBytes => _arrangedBytes;

    /// <inheritdoc/>
    public override void Arrange(float* data, byte* arranged)
    {
        bool isInteger = Abi.onnxstream_few_rows_prepare((nuint)Length, data, arranged + HeadBytes) != 0;
        *arranged = isInteger ? (byte)1 : (byte)0;
        if (!isInteger)
        {
            _single.Arrange(data, arranged + HeadBytes);
        }
    }

    /// <inheritdoc/>
    public override void Multiply(in QuantizedPart part)
    {
        for (long first = 0, next; first < part.Rows; first = next)
        {
            byte* arranged = (byte*)part.Arranged + first * ArrangedBytes;
            bool isInteger = *arranged != 0;
            next = first + 1;
            while (isInteger && next < part.Rows && ((byte*)part.Arranged)[next * ArrangedBytes] != 0)
            {
                next++;
            }

            QuantizedPart rows = part with
            {
                Arranged = (nint)(arranged + HeadBytes),
                Data = (nint)((float*)part.Data + first * Length),
                Rows = next - first,
                Results = (nint)((float*)part.Results + first * part.ResultStride),
            };
            if (isInteger)
            {
                MultiplyIntegers(rows);
            }
            else
            {
                _single.Multiply(rows);
            }
        }
    }

    private void MultiplyIntegers(in QuantizedPart part)
    {
        // Numbers from -8 to 7 are taken as those from 0 to 15, and so are their zero points.
        float one = *(float*)part.ZeroPoints + SignedOffset;
        float[]? own = _isSigned && part.ZeroPointStep != 0 ? Shift((float*)part.ZeroPoints, part.Outputs * BlocksInRow) : null;
        fixed (float* ownZeroPoints = own)
        {
            onnxstream_few_rows product = new()
            {
                rows = (nuint)part.Rows,
                inputs = (nuint)Length,
                outputs = (nuint)part.Outputs,
                block = (nuint)Block,
                matrix = (byte*)part.Stored,
                matrix_stride = (nuint)part.StoredStride,
                flip = _isSigned ? SignBits : 0,
                scales = (float*)part.Scales,
                zero_points = own is not null ? ownZeroPoints : _isSigned ? &one : (float*)part.ZeroPoints,
                zero_point_step = (nuint)part.ZeroPointStep,
                data = (void*)part.Arranged,
                data_stride = (nuint)ArrangedBytes,
                results = (float*)part.Results,
                result_stride = (nuint)part.ResultStride,
            };
            Abi.onnxstream_few_rows_multiply(&product);
        }

        // Scales that are not finite: a sum of infinities may be no number, which their sum in integers does not show.
        PortableDotProduct? exact = null;
        for (long row = 0; row < part.Rows; row++)
        {
            ReadOnlySpan<float> results = new((float*)part.Results + row * part.ResultStride, part.Outputs);
            for (int output = 0; output < results.Length; output++)
            {
                if (!float.IsFinite(results[output]))
                {
                    exact ??= new PortableDotProduct(Type, Length, Block);
                    exact.Multiply(part.At(row, output, Length, BlocksInRow));
                }
            }
        }
    }

    private static float[] Shift(float* zeroPoints, int count)
    {
        float[] shifted = new float[count];
        System.Numerics.Tensors.TensorPrimitives.Add(new ReadOnlySpan<float>(zeroPoints, count), SignedOffset, shifted);
        return shifted;
    }
}
