using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Kernels;

/// <summary>What a kernel sees of the run: addresses of the current step's tensors, threads, scratch memory, weights.</summary>
internal sealed unsafe class KernelContext(WorkerPool workers, WeightStream weights) : IWeightAccess
{
    private const int None = -1;

    private readonly List<(int Output, Shape Shape)> _shapes = [];
    private nint[] _inputs = new nint[8];
    private nint[] _outputs = new nint[8];
    private (int Part, long Offset)[] _parts = new (int, long)[8];

    /// <summary>The threads.</summary>
    public WorkerPool Workers { get; } = workers;

    /// <summary>Where weights come from.</summary>
    public WeightStream Weights => weights;

    /// <summary>Where the step's weights start in the stream's schedule.</summary>
    public int FirstWeight { get; private set; }

    /// <summary>Where the step's partly read weights start in the stream's list.</summary>
    public int FirstPart { get; private set; }

    /// <summary>Asks to stop. Kernels that run for seconds look at it.</summary>
    public CancellationToken CancellationToken { get; set; }

    /// <summary>What the kernel is called for.</summary>
    public KernelCall Call { get; private set; } = null!;

    /// <summary>Memory of <see cref="Kernel.ScratchBytes"/> bytes for this step.</summary>
    public byte* Scratch { get; private set; }

    /// <summary>Shapes that the step found out while it ran, by output index.</summary>
    public IReadOnlyList<(int Output, Shape Shape)> FoundShapes => _shapes;

    /// <summary>The first byte of input <paramref name="index"/>.</summary>
    public byte* Input(int index) => (byte*)_inputs[index];

    /// <summary>The first byte of output <paramref name="index"/>.</summary>
    public byte* Output(int index) => (byte*)_outputs[index];

    /// <summary>Whether the first output lies over parts of input <paramref name="index"/> (<see cref="Kernel.Lead"/>).</summary>
    public bool Overlaps(int index) =>
        Output(0) < Input(index) + Call.Inputs[index].ByteLength && Input(index) < Output(0) + Call.Outputs[0].ByteLength;

    /// <summary>The elements of input <paramref name="index"/>.</summary>
    public ReadOnlySpan<T> InputSpan<T>(int index)
        where T : unmanaged => new(Input(index), checked((int)Call.Inputs[index].Shape.ElementCount));

    /// <summary>The elements of output <paramref name="index"/>.</summary>
    public Span<T> OutputSpan<T>(int index)
        where T : unmanaged => new(Output(index), checked((int)Call.Outputs[index].Shape.ElementCount));

    /// <summary>Brings in the <paramref name="index"/>-th of the kernel's <see cref="Kernel.StreamedWeights"/>. Callable from any thread.</summary>
    public byte* AcquireWeight(int index) => weights.Acquire(FirstWeight + index);

    /// <summary>Gives it back.</summary>
    public void ReleaseWeight(int index) => weights.Release(FirstWeight + index);

    /// <summary>Says that the run does not need the <paramref name="index"/>-th of the kernel's <see cref="Kernel.StreamedWeights"/>.</summary>
    public void SkipWeight(int index) => weights.Skip(FirstWeight + index);

    /// <summary>Copies a part of an input that the kernel accesses randomly.</summary>
    /// <param name="index">The input.</param>
    /// <param name="offset">The first byte.</param>
    /// <param name="destination">Receives the bytes.</param>
    public void ReadInput(int index, long offset, Span<byte> destination)
    {
        if (_parts[index] is (>= 0 and int part, var start))
        {
            weights.ReadPart(part, start + offset, destination);
        }
        else
        {
            new ReadOnlySpan<byte>(Input(index) + offset, destination.Length).CopyTo(destination);
        }
    }

    /// <summary>Copies a part of the <paramref name="index"/>-th of the kernel's <see cref="Kernel.PartlyReadWeights"/>. Callable from any thread.</summary>
    public void ReadWeight(int index, long offset, Span<byte> destination) => weights.ReadPart(FirstPart + index, offset, destination);

    /// <summary>Says how large an output that was planned with an upper bound turned out to be.</summary>
    public void SetOutputShape(int output, Shape shape) => _shapes.Add((output, shape));

    /// <summary>Turns to another call.</summary>
    /// <param name="call">The call.</param>
    /// <param name="scratch">Memory of <see cref="Kernel.ScratchBytes"/> bytes; null if that is 0.</param>
    /// <param name="firstWeight">Where the call's weights start in the stream's schedule.</param>
    /// <param name="firstPart">Where its partly read weights start in the stream's list.</param>
    internal void Begin(KernelCall call, byte* scratch, int firstWeight, int firstPart)
    {
        Call = call;
        Scratch = scratch;
        FirstWeight = firstWeight;
        FirstPart = firstPart;
        _shapes.Clear();
        if (_inputs.Length < call.Inputs.Length)
        {
            _inputs = new nint[call.Inputs.Length];
            _parts = new (int, long)[call.Inputs.Length];
        }

        if (_outputs.Length < call.Outputs.Length)
        {
            _outputs = new nint[call.Outputs.Length];
        }
    }

    /// <summary>Sets the address of an input.</summary>
    internal void SetInput(int index, byte* address)
    {
        _inputs[index] = (nint)address;
        _parts[index] = (None, 0);
    }

    /// <summary>Says that an input is a weight of which the kernel reads parts.</summary>
    /// <param name="index">The input.</param>
    /// <param name="part">Its number in the stream's list.</param>
    /// <param name="offset">The first byte of the input in that weight.</param>
    internal void SetInputPart(int index, int part, long offset)
    {
        _inputs[index] = 0;
        _parts[index] = (part, offset);
    }

    /// <summary>Sets the address of an output.</summary>
    internal void SetOutput(int index, byte* address) => _outputs[index] = (nint)address;
}
