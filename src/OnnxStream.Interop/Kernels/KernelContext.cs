using OnnxStream.Interop.Native;
using OnnxStream.Interop.Planning;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Kernels;

/// <summary>What a kernel sees of the run: addresses of the current step's tensors, threads, scratch memory, weights.</summary>
internal sealed unsafe class KernelContext(WorkerPool workers, WeightStream weights)
{
    private readonly List<(int Output, Shape Shape)> _shapes = [];
    private nint[] _inputs = new nint[8];
    private nint[] _outputs = new nint[8];

    /// <summary>The threads.</summary>
    public WorkerPool Workers { get; } = workers;

    /// <summary>Where the plan's weights start in the stream's schedule.</summary>
    public int FirstWeight { get; set; }

    /// <summary>Where the plan's partly read weights start in the stream's list.</summary>
    public int FirstPart { get; set; }

    /// <summary>Asks to stop. Kernels that run for seconds look at it.</summary>
    public CancellationToken CancellationToken { get; set; }

    /// <summary>The step that runs.</summary>
    public Step Step { get; private set; } = null!;

    /// <summary>Memory of <see cref="Kernel.ScratchBytes"/> bytes for this step.</summary>
    public byte* Scratch { get; private set; }

    /// <summary>Shapes that the step found out while it ran, by output index.</summary>
    public IReadOnlyList<(int Output, Shape Shape)> FoundShapes => _shapes;

    /// <summary>The first byte of input <paramref name="index"/>.</summary>
    public byte* Input(int index) => (byte*)_inputs[index];

    /// <summary>The first byte of output <paramref name="index"/>.</summary>
    public byte* Output(int index) => (byte*)_outputs[index];

    /// <summary>The elements of input <paramref name="index"/>.</summary>
    public ReadOnlySpan<T> InputSpan<T>(int index)
        where T : unmanaged => new(Input(index), checked((int)Step.Inputs[index].ElementCount));

    /// <summary>The elements of output <paramref name="index"/>.</summary>
    public Span<T> OutputSpan<T>(int index)
        where T : unmanaged => new(Output(index), checked((int)Step.Outputs[index].ElementCount));

    /// <summary>Brings in the <paramref name="index"/>-th of the kernel's <see cref="Kernel.StreamedWeights"/>. Callable from any thread.</summary>
    public byte* AcquireWeight(int index) => weights.Acquire(FirstWeight + Step.FirstWeight + index);

    /// <summary>Gives it back.</summary>
    public void ReleaseWeight(int index) => weights.Release(FirstWeight + Step.FirstWeight + index);

    /// <summary>Copies a part of an input that the kernel accesses randomly.</summary>
    /// <param name="index">The input.</param>
    /// <param name="offset">The first byte.</param>
    /// <param name="destination">Receives the bytes.</param>
    public void ReadInput(int index, long offset, Span<byte> destination)
    {
        if (Step.InputParts[index] is >= 0 and int weight)
        {
            weights.ReadPart(FirstPart + weight, Step.Inputs[index].Offset + offset, destination);
        }
        else
        {
            new ReadOnlySpan<byte>(Input(index) + offset, destination.Length).CopyTo(destination);
        }
    }

    /// <summary>Copies a part of the <paramref name="index"/>-th of the kernel's <see cref="Kernel.PartlyReadWeights"/>. Callable from any thread.</summary>
    public void ReadWeight(int index, long offset, Span<byte> destination) => weights.ReadPart(FirstPart + Step.FirstPart + index, offset, destination);

    /// <summary>What runs a plan inside of a step, with the same threads and weights.</summary>
    public StepRunner CreateInner() => new(new KernelContext(Workers, weights), weights);

    /// <summary>Says how large an output that was planned with an upper bound turned out to be.</summary>
    public void SetOutputShape(int output, Shape shape) => _shapes.Add((output, shape));

    /// <summary>Turns to a step.</summary>
    internal void Begin(Step step, byte* scratch)
    {
        Step = step;
        Scratch = scratch;
        _shapes.Clear();
        if (_inputs.Length < step.Inputs.Length)
        {
            _inputs = new nint[step.Inputs.Length];
        }

        if (_outputs.Length < step.Outputs.Length)
        {
            _outputs = new nint[step.Outputs.Length];
        }
    }

    /// <summary>Sets the address of an input.</summary>
    internal void SetInput(int index, byte* address) => _inputs[index] = (nint)address;

    /// <summary>Sets the address of an output.</summary>
    internal void SetOutput(int index, byte* address) => _outputs[index] = (nint)address;
}
