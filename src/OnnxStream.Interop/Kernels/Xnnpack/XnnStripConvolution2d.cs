using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Kernels;

/// <summary>Two-dimensional convolution without groups of large channels-last images, strip by strip: [N,H,W,C] to [N,H',W',O].</summary>
/// <remarks>
/// <para>
/// A strip is some rows of results. What they are made of is copied with its padding, expanded or converted on the way, and all panels are computed
/// of it, by one thread: neither data nor results exist in another form for the whole image. A format that quantizes data finds a range for each strip.
/// All panels are held while the image passes by; images are large where weights are small.
/// </para>
/// <para>
/// Results may lie over the data (<see cref="Lead"/>): each thread then waits for the others when it has copied a strip, and when it has computed it.
/// </para>
/// </remarks>
internal sealed unsafe class XnnStripConvolution2d : PanelKernel
{
    // Of a copied strip. What is copied twice are the rows between strips: a twentieth to a quarter.
    private const long StripBytes = 2 << 20;

    private readonly ConvolutionParameters _parameters;
    private readonly Shape _input;
    private readonly StorageTypes _types;
    private readonly int _upsampling;
    private readonly int _outputs;
    private readonly long _perOutput;
    private readonly int _height;
    private readonly int _width;
    private readonly int _stripRows;
    private readonly int _stripsOfImage;
    private readonly int _operandRows;
    private readonly ConvolutionProduct _product;
    private readonly Strip[] _strips;
    private readonly Copying _copying;
    private readonly Computing _computing;
    private readonly Whole _whole;

    // Of each worker: a copied strip, a row of it, XNNPACK's memory, and a panel's results.
    private readonly ScratchPart _operandPart;
    private readonly ScratchPart _rowPart;
    private readonly ScratchPart _resultPart;
    private readonly long _fixedBytes;
    private KernelContext? _context;
    private int _firstStrip;

    /// <summary>Makes the kernel.</summary>
    /// <param name="weights">The weight.</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    /// <param name="input">The shape of the images that are convolved: [N,H,W,C].</param>
    /// <param name="parameters">The geometry.</param>
    /// <param name="workers">The threads.</param>
    /// <param name="types">How data and results are stored.</param>
    /// <param name="isUpsampled">Whether images are given in half their height and width, each pixel for four.</param>
    public XnnStripConvolution2d(PanelWeights weights, bool hasBias, Shape input, ConvolutionParameters parameters, WorkerPool workers, StorageTypes types = default, bool isUpsampled = false)
        : base(weights, hasBias, input[0] * input[1] * input[2] / (parameters.StrideHeight * parameters.StrideWidth), workers, holdsPanels: true)
    {
        _parameters = parameters;
        _input = input;
        _types = types;
        _upsampling = isUpsampled ? 1 : 0;
        _outputs = weights.Outputs;
        _perOutput = weights.PerOutput;
        _height = checked((int)parameters.OutputHeight(input[1]));
        _width = checked((int)parameters.OutputWidth(input[2]));
        int columns = checked((int)(input[2] + parameters.PaddingLeft + parameters.PaddingRight));
        _stripRows = ChooseRows(weights.Format, parameters, columns * input[3], _height);
        _stripsOfImage = (_height + _stripRows - 1) / _stripRows;
        _operandRows = OperandRows(parameters, _stripRows);
        ConvolutionParameters inside = parameters with { PaddingTop = 0, PaddingBottom = 0, PaddingLeft = 0, PaddingRight = 0 };
        bool isDirect = !types.Rounds && _height % _stripRows == 0;
        _product = new ConvolutionProduct(inside, new Shape(1, _operandRows, columns, input[3]))
        {
            OutputStride = isDirect ? types.ResultStride(_outputs) : 0, Low = parameters.Low, High = parameters.High,
        };
        ScratchLayout layout = new();
        _operandPart = layout.Add(Format.OperandBytes(_operandRows, columns * (int)input[3]));
        _rowPart = layout.Add(columns * input[3] * sizeof(float));
        _resultPart = layout.Add(isDirect ? 0 : (long)_stripRows * _width * PanelOutputs * sizeof(float));
        _fixedBytes = layout.Bytes;
        _strips = [.. Enumerable.Range(0, HeldWorkers).Select(_ => new Strip(this))];
        _copying = new Copying(this);
        _computing = new Computing(this);
        _whole = new Whole(this);
        Measure($"{input} {parameters}");
    }

    /// <inheritdoc/>
    public override long Flops => 2 * _input[0] * _height * _width * _outputs * _perOutput;

    /// <inheritdoc/>
    public override string Name => $"xnn convolution in strips{Format.KernelSuffix}";

    /// <inheritdoc/>
    protected override PanelProduct Product => _product;

    /// <inheritdoc/>
    protected override string Layout => "convolution";

    /// <inheritdoc/>
    protected override long Rows => _product.Input[1] * _product.Input[2];

    /// <inheritdoc/>
    protected override long ConvertedRows => 0;

    private int StripCount => (int)_input[0] * _stripsOfImage;

    /// <summary>Whether an image is so large that copies of it, or results that are still to be rounded, would take more than strips.</summary>
    public static bool IsWorthIt(PanelFormat format, ConvolutionParameters parameters, Shape input, long outputs, StorageTypes types)
    {
        long copied = types.Expands || format.IsQuantized ? input.ElementCount * sizeof(float) : 0;
        long rounded = types.Rounds ? input[0] * parameters.OutputHeight(input[1]) * parameters.OutputWidth(input[2]) * outputs * sizeof(float) : 0;
        return input.ElementCount > 0 && parameters.OutputHeight(input[1]) > 1 && Math.Max(copied, rounded) >= 16 * StripBytes;
    }

    /// <inheritdoc/>
    public override long? Lead(int input)
    {
        if (input != 0 || _types.StripeStride != 0)
        {
            return null;
        }

        // The strips that are copied together are read before any of them is written.
        long lead = 0;
        for (int next = HeldWorkers; next < StripCount; next += HeldWorkers)
        {
            (int image, int row) = Place(next - 1);
            long written = ((long)image * _height + row + _stripRows) * _width * _types.ResultRowBytes(_outputs);
            long read = long.MaxValue;
            for (int strip = next; strip < StripCount; strip += _stripsOfImage - strip % _stripsOfImage)
            {
                // The last strip of an image may begin before the one before it ends, but not before that begins.
                (int later, int laterRow) = Place(strip);
                int top = Math.Max(0, Math.Min(laterRow, Place(later * _stripsOfImage + _stripsOfImage - 1).Row) * _parameters.StrideHeight - _parameters.PaddingTop);
                read = Math.Min(read, Source(later, top));
            }

            lead = Math.Max(lead, written - read);
        }

        return lead;
    }

    /// <inheritdoc/>
    protected override long WorkspaceBytes(PanelOperator operation, string details) => _fixedBytes + operation.Reshape(Rows, null, details);

    /// <inheritdoc/>
    protected override void ComputeHeld(KernelContext context)
    {
        _context = context;
        if (!context.Overlaps(0))
        {
            _firstStrip = 0;
            context.Workers.Parallelize(_whole, StripCount);
        }
        else
        {
            for (_firstStrip = 0; _firstStrip < StripCount; _firstStrip += HeldWorkers)
            {
                context.CancellationToken.ThrowIfCancellationRequested();
                int count = Math.Min(HeldWorkers, StripCount - _firstStrip);
                context.Workers.Parallelize(_copying, count);
                context.Workers.Parallelize(_computing, count);
            }
        }

        _context = null;
    }

    // The rows of a strip: as many as fit, nearly; the same for any number of threads.
    private static int ChooseRows(PanelFormat format, ConvolutionParameters parameters, long rowLength, int height)
    {
        int rows = 1;
        while (rows < height && format.OperandBytes(OperandRows(parameters, rows + 1), checked((int)rowLength)) <= StripBytes)
        {
            rows++;
        }

        // Strips of one height, if there is one that is not much smaller.
        for (int fewer = rows; fewer > rows / 2; fewer--)
        {
            if (height % fewer == 0)
            {
                return fewer;
            }
        }

        return rows;
    }

    private static int OperandRows(ConvolutionParameters parameters, int rows) => (rows - 1) * parameters.StrideHeight + (parameters.KernelHeight - 1) * parameters.DilationHeight + 1;

    // The image of a strip, and the first row of its results: the last strip of an image ends where that does.
    private (int Image, int Row) Place(int strip)
    {
        (int image, int index) = Math.DivRem(strip, _stripsOfImage);
        return (image, Math.Min(index * _stripRows, _height - _stripRows));
    }

    // The first byte of a row of an image, counted in doubled ones.
    private long Source(int image, int row) =>
        ((long)image * (_input[1] >> _upsampling) + (row >> _upsampling)) * (_input[2] >> _upsampling) * _types.Data.Bytes(_input[3]);

    private byte* Memory(int slot) => HeldWorkspace(_context!, slot);

    private void Copy(int strip, int slot)
    {
        (int image, int row) = Place(strip);
        _strips[slot].MoveTo(image, row * _parameters.StrideHeight - _parameters.PaddingTop);
        Format.ConvertRows(_strips[slot], _operandPart.In(Memory(slot)), (float*)_rowPart.In(Memory(slot)));
    }

    private void Compute(int strip, int slot)
    {
        (int image, int row) = Place(strip);
        byte* memory = Memory(slot);

        // Results of the strip before are right, and may come from another range of data.
        int done = strip % _stripsOfImage * _stripRows - row;
        long firstPixel = ((long)image * _height + row) * _width;
        for (int panel = 0; panel < PanelCount; panel++)
        {
            int first = panel * PanelOutputs;
            int count = Math.Min(PanelOutputs, _outputs - first);
            PanelOperator operation = HeldOperator(panel, slot);
            byte* target = _context!.Output(0) + _types.ResultOffset(firstPixel + (long)done * _width, _outputs, first);
            float* results = _resultPart.Length == 0 ? (float*)target : (float*)_resultPart.In(memory);
            operation.Run(Rows, memory + _fixedBytes, _operandPart.In(memory), 0, (byte*)results, null, _context.Call.NodeName);
            if (_resultPart.Length > 0)
            {
                _types.Results.RoundRows(results + (long)done * _width * count, target, (long)(_stripRows - done) * _width, count, _types.ResultRowBytes(_outputs));
            }
        }
    }

    // What a strip is made of, row by row. Each thread has one.
    private sealed class Strip(XnnStripConvolution2d kernel) : IRowReader
    {
        private int _image;
        private int _top;

        public int RowCount => kernel._operandRows;

        public int RowLength => (int)(kernel._product.Input[2] * kernel._product.Input[3]);

        public void MoveTo(int image, int top) => (_image, _top) = (image, top);

        public void ReadRow(int row, float* destination)
        {
            int y = _top + row;
            int channels = (int)kernel._input[3];
            if ((uint)y >= (uint)kernel._input[1])
            {
                new Span<float>(destination, RowLength).Clear();
                return;
            }

            int left = kernel._parameters.PaddingLeft * channels;
            int width = (int)kernel._input[2] * channels;
            new Span<float>(destination, left).Clear();
            new Span<float>(destination + left + width, RowLength - left - width).Clear();
            byte* source = kernel._context!.Input(0) + kernel.Source(_image, y);
            float* pixels = destination + left;
            if (kernel._upsampling == 0)
            {
                kernel._types.Data.ExpandRows(source, pixels, kernel._input[2], channels);
                return;
            }

            // The row takes the second half of its place; pixels are doubled from its start on, behind which nothing unread is written.
            float* single = pixels + width / 2;
            kernel._types.Data.ExpandRows(source, single, kernel._input[2] / 2, channels);
            long bytes = (long)channels * sizeof(float);
            for (long pixel = 0; pixel < kernel._input[2] / 2; pixel++)
            {
                Buffer.MemoryCopy(single + pixel * channels, pixels + 2 * pixel * channels, bytes, bytes);
                Buffer.MemoryCopy(pixels + 2 * pixel * channels, pixels + (2 * pixel + 1) * channels, bytes, bytes);
            }
        }
    }

    // The strips of all threads are copied, then computed. Numbers of strips are those of their memory.
    private sealed class Copying(XnnStripConvolution2d kernel) : IParallelBody
    {
        public void Execute(int index) => kernel.Copy(kernel._firstStrip + index, index);
    }

    private sealed class Computing(XnnStripConvolution2d kernel) : IParallelBody
    {
        public void Execute(int index) => kernel.Compute(kernel._firstStrip + index, index);
    }

    private sealed class Whole(XnnStripConvolution2d kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            kernel._context!.CancellationToken.ThrowIfCancellationRequested();
            int slot = kernel.Slots.Acquire();
            try
            {
                kernel.Copy(index, slot);
                kernel.Compute(index, slot);
            }
            finally
            {
                kernel.Slots.Release(slot);
            }
        }
    }
}
