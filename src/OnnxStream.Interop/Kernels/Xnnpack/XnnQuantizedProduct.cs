using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Kernels;

/// <summary>8-bit integers times constant 8-bit integers, as a model gives them: a product of matrices, or a two-dimensional convolution without groups of channels-last images.</summary>
/// <remarks>
/// <para>
/// XNNPACK sums exactly, in 32 bits, and scales what it stores. That is the result where it is single precision and weights have the zero point that they are
/// packed with (0 with a sign, 128 without one). For everything else it stores the sums, as single precision, which holds integers below 2^24 exactly and
/// rounds others, and <see cref="SumFinish"/> makes the results of them while they are in a cache: it adds what other zero points of weights make of the sum of a row,
/// scales, adds the bias, limits and rounds.
/// </para>
/// <para>
/// Where sums are the results (int32), nothing may be rounded: data that could make larger sums are divided into digits of fewer bits, and their sums put together.
/// Inputs of the step: data, then a bias if it is packed, then those that <see cref="QuantizedInputs"/> names.
/// </para>
/// <para>
/// Data that have to be written anew, and sums, take more memory than the image itself. So many rows are computed in strips: of lines of an image, with its padding
/// above and below written out, or of rows of a matrix. Each panel writes the strips anew, which takes as long as one output channel.
/// </para>
/// </remarks>
internal sealed unsafe class XnnQuantizedProduct : PanelKernel
{
    /// <summary>The most weights of an output channel: a sum of products of -128 to 127 and -255 to 255 (data minus zero point) must not leave 32 bits.</summary>
    public const long MostPerOutput = int.MaxValue / (byte.MaxValue * -sbyte.MinValue);

    private const long TileBytes = 512 << 10;
    private const long StripBytes = 2 << 20; // of sums
    private const long MostWholeBytes = 4 << 20; // of data that are written anew and of sums
    private const long LargestExactSum = 1 << 24;
    private const int DifferenceBits = 8; // of data minus zero point, without the sign

    private readonly PanelWeights _weights;
    private readonly PanelProduct _product;
    private readonly ConvolutionProduct? _image; // all of it; null for a product of matrices
    private readonly QuantizedInputs _inputs;
    private readonly QuantizedResults _results;
    private readonly bool _isUnsigned;
    private readonly long _rows;
    private readonly long _resultRows;
    private readonly long _tileRows;
    private readonly bool _isStripped;
    private readonly int _digits;
    private readonly int _digitBits;
    private readonly ScratchLayout _layout = new();
    private readonly ScratchPart _planesPart;
    private readonly ScratchPart _pixelSumsPart;
    private readonly ScratchPart _rowSumsPart;
    private readonly ScratchPart _factorsPart;

    // Of each set.
    private readonly List<SumFinish> _finishes = [];

    /// <summary>Makes the kernel.</summary>
    /// <param name="weights">The weight. Its integers have scales where <see cref="QuantizedResults.IsScaledByProduct"/>, else 1.</param>
    /// <param name="hasBias">Whether a bias is packed.</param>
    /// <param name="product">A <see cref="MatrixProduct"/> or a <see cref="ConvolutionProduct"/>.</param>
    /// <param name="rows">The rows of data: pixels, for a convolution.</param>
    /// <param name="isUnsigned">Whether data has no sign.</param>
    /// <param name="inputs">Where scales and zero points are.</param>
    /// <param name="results">What becomes of the sums.</param>
    /// <param name="workers">The threads.</param>
    public XnnQuantizedProduct(PanelWeights weights, bool hasBias, PanelProduct product, long rows, bool isUnsigned, QuantizedInputs inputs, QuantizedResults results, WorkerPool workers)
        : base(weights, hasBias, rows, workers)
    {
        _weights = weights;
        _inputs = inputs;
        _results = results;
        _isUnsigned = isUnsigned;
        _rows = rows;
        _image = product as ConvolutionProduct;
        _resultRows = _image is null ? rows : _image.Input[0] * OutputHeight * OutputWidth;
        (_digits, _digitBits) = results.Type == ElementType.Int32 ? Digits(weights.PerOutput) : (1, DifferenceBits + 1);
        bool isUsedInPlace = _image is null && !isUnsigned && _digits == 1;
        long wholeBytes = (isUsedInPlace ? 0 : _digits * Elements) + (IsInPlace || _image is null ? 0 : _resultRows * PanelOutputs * sizeof(float));
        _isStripped = wholeBytes > MostWholeBytes && (_image is null || OutputHeight > 1);
        long sumBytes = PanelOutputs * sizeof(float);
        _tileRows = _image is null ? Math.Min(rows, Math.Max(RowTile, TileBytes / sumBytes / RowTile * RowTile)) :
            _isStripped ? Math.Clamp(StripBytes / (OutputWidth * sumBytes), Math.Min(_image.Parameters.KernelHeight, OutputHeight), OutputHeight) * OutputWidth : _resultRows;
        _product = (_isStripped && _image is not null ? Strip(_image, _tileRows / OutputWidth) : product) with { OutputStride = IsInPlace ? weights.Outputs : 0 };
        _planesPart = _layout.Add(_isStripped ? 0 : QuantizedRows.Bytes(ParameterRows, Elements), _digits);
        _pixelSumsPart = _layout.Add(HasCorrections && _image is not null ? rows * sizeof(int) : 0);
        _rowSumsPart = _layout.Add(HasCorrections ? _resultRows * sizeof(int) : 0);
        _factorsPart = _layout.Add(results.IsScaledByProduct ? 0 : weights.Outputs * sizeof(float), 2);
        Measure($"{product} {rows} rows");
    }

    /// <inheritdoc/>
    public override string Name => _product is MatrixProduct ? "xnn quantized product" : "xnn quantized convolution";

    /// <inheritdoc/>
    public override long Flops => 2 * _resultRows * _weights.PerOutput * _weights.Outputs;

    /// <inheritdoc/>
    public override long PackScratchBytes => SlotBytes + CountedMemory.Align(PanelOutputs * _weights.PerOutput);

    /// <summary>Whether products with weights of a type are exact on this processor.</summary>
    /// <remarks>
    /// XNNPACK's kernels for ARM without dot products add two products in 16 bits, which twice -128 * -128 leaves. Where uint8 is packed, -128 is the least weight
    /// of a tensor; int8 weights are -127 to 127, as all tools write them.
    /// </remarks>
    public static bool IsExact(ElementType weights) => weights == ElementType.Int8 || !AdvSimd.IsSupported || Dp.IsSupported;

    /// <summary>Whether sums of so many products can be computed as int32 exactly.</summary>
    public static bool CanSum(long perOutput) => Digits(perOutput).Bits > 0;

    /// <inheritdoc/>
    protected override PanelProduct Product => _product;

    /// <inheritdoc/>
    protected override string Layout => _product is MatrixProduct ? "matrix" : "convolution";

    /// <inheritdoc/>
    protected override long Rows => _rows;

    /// <inheritdoc/>
    protected override long ConvertedRows => 0;

    /// <inheritdoc/>
    protected override long DataBytes => _layout.Bytes;

    // Results that are single precision are finished where they lie.
    private bool IsInPlace => _results.Type == ElementType.Float32;

    private static long SlotBytes => CountedMemory.Align(sizeof(PackedPanelSlot));

    private bool HasCorrections => _results.Corrections is not null;

    // Of scales and zero points.
    private long ParameterRows => _image is null ? _rows : _image.Input[0];

    private long Elements => _image is null ? _rows * _weights.PerOutput : _image.Input.ElementCount;

    private long OutputHeight => _image!.Parameters.OutputHeight(_image.Input[1]);

    private long OutputWidth => _image!.Parameters.OutputWidth(_image.Input[2]);

    private long TileResultBytes => IsInPlace ? 0 : CountedMemory.Align(_tileRows * PanelOutputs * sizeof(float));

    private long TileDataBytes => !_isStripped ? 0 : CountedMemory.Align(_image is null ? QuantizedRows.Bytes(_tileRows, _tileRows * _weights.PerOutput) : QuantizedRows.Bytes(1, ((ConvolutionProduct)_product).Input.ElementCount));

    /// <inheritdoc/>
    public override void Pack(int panel, byte* source, float* bias, byte* scratch, byte* destination, WeightReader? reader)
    {
        int first = panel * PanelOutputs;
        int count = Math.Min(PanelOutputs, _weights.Outputs - first);
        byte* integers = scratch + SlotBytes;
        _weights.GatherIntegers(source, first, count, integers, reader);
        fixed (float* scales = _weights.Integers!.Scales)
        {
            PanelFormats.Int8.PackIntegers(Product, count, integers, (byte*)(scales + first), bias is null ? null : bias + first, scratch, destination, PackedBytes(panel), $"panel {panel}");
        }
    }

    /// <inheritdoc/>
    protected override long WorkspaceBytes(PanelOperator operation, string details) => TileResultBytes + TileDataBytes + operation.Reshape(Rows, null, details);

    /// <inheritdoc/>
    protected override byte* Prepare(int set, byte* data, byte* scratch)
    {
        byte* planes = _isStripped ? data : _planesPart.In(scratch);
        float scale = DataScale(set);
        int zero = DataZeroPoint(set);
        if (_isStripped)
        {
            // Strips are written when they are computed.
        }
        else if (_digits == 1)
        {
            QuantizedRows.Take(planes, data, _isUnsigned, ParameterRows, Elements, new xnn_quantization_params { zero_point = zero, scale = _results.IsScaledByProduct ? scale : 1 }, SharedWorkers);
        }
        else
        {
            for (int digit = 0; digit < _digits; digit++)
            {
                byte* plane = _planesPart.In(scratch, digit);
                sbyte* elements = QuantizedRows.Begin(plane, ParameterRows, new xnn_quantization_params { zero_point = 0, scale = 1 });
                DigitAt(digit, zero).Take(data, _isUnsigned, elements, Elements);
            }
        }

        if (HasCorrections)
        {
            SumRows(data, zero, (int*)_pixelSumsPart.In(scratch), (int*)_rowSumsPart.In(scratch));
        }

        if (!_results.IsScaledByProduct)
        {
            if (set < _finishes.Count)
            {
                _finishes.RemoveRange(set, _finishes.Count - set);
            }

            _finishes.Add(MakeFinish(set, scale, scratch));
        }

        return planes;
    }

    /// <inheritdoc/>
    protected override void Compute(int set, PanelOperator operation, int first, int count, byte* workspace, byte* input, byte* output, Pthreadpool* threads, string node)
    {
        if (_results.IsScaledByProduct && !_isStripped)
        {
            base.Compute(set, operation, first, count, workspace, input, output, threads, node);
            return;
        }

        WorkerPool? workers = threads is null ? null : Sets[set].Workers;
        bool isStrip = _isStripped && _image is not null;
        byte* strip = workspace + TileResultBytes;
        long rowsOfImage = isStrip ? OutputHeight * OutputWidth : _resultRows;
        for (long start = 0; start < _resultRows; start += rowsOfImage)
        {
            for (long next = 0; next < rowsOfImage; next += _tileRows)
            {
                // All strips of an image have the height that the operator is made for: the last one begins earlier.
                long row = start + (isStrip ? Math.Min(next, rowsOfImage - _tileRows) : next);
                long rows = Math.Min(_tileRows, _resultRows - row);
                float* sums = IsInPlace ? (float*)output + row * _weights.Outputs + first : (float*)workspace;
                long stride = IsInPlace ? _weights.Outputs : count;
                for (int digit = 0; digit < _digits; digit++)
                {
                    if (_isStripped)
                    {
                        WriteStrip(set, input, row, rows, digit, strip, workers);
                        operation.Run(rows, strip + TileDataBytes, strip, 0, (byte*)sums, threads, node);
                    }
                    else
                    {
                        operation.Run(_image is null ? rows : Rows, strip, input + digit * _planesPart.Length, _image is null ? row : 0, (byte*)sums, threads, node);
                    }

                    if (!_results.IsScaledByProduct)
                    {
                        _finishes[set].Run(sums, stride, row, rows, first, count, digit * _digitBits, output, workers);
                    }
                }
            }
        }
    }

    // A convolution of some lines of results, whose padding above and below is among its data.
    private static ConvolutionProduct Strip(ConvolutionProduct image, long lines)
    {
        ConvolutionParameters parameters = image.Parameters;
        long inputs = (lines - 1) * parameters.StrideHeight + (long)parameters.DilationHeight * (parameters.KernelHeight - 1) + 1;
        return image with { Parameters = parameters with { PaddingTop = 0, PaddingBottom = 0 }, Input = new Shape(1, inputs, image.Input[2], image.Input[3]) };
    }

    // Writes the data of a strip, or one of their digits.
    private void WriteStrip(int set, byte* data, long row, long rows, int digit, byte* strip, WorkerPool? workers)
    {
        int zero = DataZeroPoint(set);
        bool isDigit = _digits > 1;
        xnn_quantization_params parameters = new() { zero_point = isDigit ? 0 : zero, scale = _results.IsScaledByProduct ? DataScale(set) : 1 };
        StripLines lines = _image is null
            ? new StripLines { Data = data + row * _weights.PerOutput, LineBytes = _weights.PerOutput, First = 0, Height = rows, Count = rows }
            : LinesOf(data, row);
        lines.Padding = (sbyte)parameters.zero_point;
        lines.IsUnsigned = _isUnsigned;
        lines.Digit = isDigit ? DigitAt(digit, zero) : null;
        lines.Target = QuantizedRows.Begin(strip, _image is null ? rows : 1, parameters);
        lines.Run(workers);
    }

    private DataDigit DigitAt(int digit, int zero) => new(zero, digit * _digitBits, digit == _digits - 1 ? ~0 : (1 << _digitBits) - 1);

    private StripLines LinesOf(byte* data, long row)
    {
        Shape input = _image!.Input;
        (long image, long pixel) = Math.DivRem(row, OutputHeight * OutputWidth);
        long lineBytes = input[2] * input[3];
        return new StripLines
        {
            Data = data + image * input[1] * lineBytes,
            LineBytes = lineBytes,
            First = pixel / OutputWidth * _image.Parameters.StrideHeight - _image.Parameters.PaddingTop,
            Height = input[1],
            Count = ((ConvolutionProduct)_product).Input[1],
        };
    }

    // As few digits as keep every sum below 2^24. 0 bits if there are none.
    private static (int Count, int Bits) Digits(long perOutput)
    {
        for (int count = 1; count <= DifferenceBits / 2; count *= 2)
        {
            int bits = DifferenceBits / count;
            long largest = count == 1 ? byte.MaxValue : 1 << bits;
            if (largest * -sbyte.MinValue * perOutput < LargestExactSum)
            {
                return (count, bits);
            }
        }

        return (0, 0);
    }

    private float DataScale(int set) => _inputs.Scale < 0 ? 1 : *(float*)Sets[set].Input(_inputs.Scale);

    // Of data with a sign, as they are given or become.
    private int DataZeroPoint(int set) => ZeroPoint(set, _inputs.ZeroPoint, _isUnsigned) - (_isUnsigned ? -sbyte.MinValue : 0);

    private int ZeroPoint(int set, int input, bool isUnsigned) => input < 0 ? 0 : isUnsigned ? *Sets[set].Input(input) : *(sbyte*)Sets[set].Input(input);

    private SumFinish MakeFinish(int set, float scale, byte* scratch)
    {
        float* factors = (float*)_factorsPart.In(scratch);
        float* offsets = (float*)_factorsPart.In(scratch, 1);
        double step = _inputs.ResultScale < 0 ? 1 : *(float*)Sets[set].Input(_inputs.ResultScale);
        for (int channel = 0; channel < _weights.Outputs; channel++)
        {
            factors[channel] = (float)((double)scale * _results.Scales[channel] / step);
            offsets[channel] = (float)((_results.Bias?[channel] ?? 0) / step);
        }

        return new SumFinish
        {
            Type = _results.Type,
            Channels = _weights.Outputs,
            Factors = factors,
            Offsets = offsets,
            Corrections = _results.Corrections,
            RowSums = HasCorrections ? (int*)_rowSumsPart.In(scratch) : null,
            Low = (float)(_results.Low / step),
            High = (float)(_results.High / step),
            ZeroPoint = ZeroPoint(set, _inputs.ResultZeroPoint, _results.Type == ElementType.UInt8),
        };
    }

    // The sums of the differences of data and zero point that each result is made of.
    private void SumRows(byte* data, int zero, int* pixelSums, int* rowSums)
    {
        int inputs = (int)(_image is null ? _weights.PerOutput : _image.Input[3]);
        int* sums = _image is null ? rowSums : pixelSums;
        for (long row = 0; row < _rows; row++)
        {
            sums[row] = Sum(data + row * inputs, inputs, _isUnsigned) - inputs * (zero + (_isUnsigned ? -sbyte.MinValue : 0));
        }

        if (_image is not null)
        {
            SumWindows(_image, pixelSums, rowSums);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Sum(byte* data, int count, bool isUnsigned)
    {
        const int Flipped = 0x80;
        int flip = isUnsigned ? 0 : Flipped;
        Vector<uint> sums = Vector<uint>.Zero;
        int i = 0;
        for (; i <= count - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            Vector.Widen(Vector.Load(data + i) ^ new Vector<byte>((byte)flip), out Vector<ushort> low, out Vector<ushort> high);
            Vector.Widen(low + high, out Vector<uint> first, out Vector<uint> second);
            sums += first + second;
        }

        int sum = (int)Vector.Sum(sums);
        for (; i < count; i++)
        {
            sum += data[i] ^ flip;
        }

        return sum - flip * count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SumWindows(ConvolutionProduct convolution, int* pixels, int* sums)
    {
        ConvolutionParameters parameters = convolution.Parameters;
        (long images, int height, int width) = (convolution.Input[0], (int)convolution.Input[1], (int)convolution.Input[2]);
        (long rows, long columns) = (parameters.OutputHeight(height), parameters.OutputWidth(width));
        for (long image = 0; image < images; image++)
        {
            int* source = pixels + image * height * width;
            for (long row = 0; row < rows; row++)
            {
                for (long column = 0; column < columns; column++)
                {
                    int sum = 0;
                    for (int y = 0; y < parameters.KernelHeight; y++)
                    {
                        long line = row * parameters.StrideHeight - parameters.PaddingTop + (long)y * parameters.DilationHeight;
                        for (int x = 0; line >= 0 && line < height && x < parameters.KernelWidth; x++)
                        {
                            long place = column * parameters.StrideWidth - parameters.PaddingLeft + (long)x * parameters.DilationWidth;
                            sum += place >= 0 && place < width ? source[line * width + place] : 0;
                        }
                    }

                    *sums++ = sum;
                }
            }
        }
    }
}
