using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Kernels;

/// <summary>Two-dimensional convolution without groups on channels-last tensors: [N,H,W,C] to [N,H',W',O], in panels.</summary>
/// <remarks>Data that is not stored in single precision is expanded once for all panels; results are rounded panel by panel.</remarks>
internal sealed unsafe class XnnConvolution2d : PanelKernel
{
    private readonly ConvolutionParameters _parameters;
    private readonly Shape _input;
    private readonly long _given;
    private readonly int _outputs;
    private readonly long _perOutput;
    private readonly StorageTypes _types;
    private readonly ConvolutionProduct _product;

    /// <summary>Makes the kernel.</summary>
    /// <param name="weights">The weight.</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    /// <param name="input">The shape of the images that are convolved: [N,H,W,C].</param>
    /// <param name="parameters">The geometry.</param>
    /// <param name="workers">The threads.</param>
    /// <param name="types">How data and results are stored.</param>
    /// <param name="isUpsampled">Whether images are given in half their height and width, each pixel for four. Only formats that convert data can double them.</param>
    public XnnConvolution2d(PanelWeights weights, bool hasBias, Shape input, ConvolutionParameters parameters, WorkerPool workers, StorageTypes types = default, bool isUpsampled = false)
        : base(weights, hasBias, input[0] * input[1] * input[2] / (parameters.StrideHeight * parameters.StrideWidth), workers)
    {
        _parameters = parameters;
        _input = input;
        _types = types;
        _outputs = weights.Outputs;
        _perOutput = weights.PerOutput;
        _given = isUpsampled ? input.ElementCount / 4 : input.ElementCount;
        _product = new ConvolutionProduct(parameters, input) { IsUpsampled = isUpsampled, OutputStride = types.Rounds ? 0 : types.ResultStride(_outputs), Low = parameters.Low, High = parameters.High };
        Measure($"{input} {parameters}");
    }

    /// <inheritdoc/>
    public override long Flops => 2 * _input[0] * _parameters.OutputHeight(_input[1]) * _parameters.OutputWidth(_input[2]) * _outputs * _perOutput;

    /// <inheritdoc/>
    public override string Name => $"xnn convolution{Format.KernelSuffix}";

    /// <inheritdoc/>
    protected override PanelProduct Product => _product;

    /// <inheritdoc/>
    protected override string Layout => "convolution";

    /// <inheritdoc/>
    protected override long Rows => _input[0] * _input[1] * _input[2];

    /// <inheritdoc/>
    protected override long WorkspaceBytes(PanelOperator operation, string details) => ResultBytes + operation.Reshape(Rows, null, details);

    /// <inheritdoc/>
    protected override long DataBytes => _types.Expands ? CountedMemory.Align(_given * sizeof(float)) : 0;

    /// <inheritdoc/>
    protected override byte* Prepare(int set, byte* data, byte* scratch)
    {
        if (!_types.Expands)
        {
            return data;
        }

        _types.Data.ExpandRows(data, (float*)scratch, _given / _input[3], (int)_input[3]);
        return scratch;
    }

    /// <inheritdoc/>
    protected override void Compute(int set, PanelOperator operation, int first, int count, byte* workspace, byte* input, byte* output, Pthreadpool* threads, string node)
    {
        if (!_types.Rounds)
        {
            base.Compute(set, operation, first, count, workspace, input, output, threads, node);
            return;
        }

        operation.Run(Rows, workspace + ResultBytes, input, 0, workspace, threads, node);
        _types.Results.RoundRows((float*)workspace, output + _types.ResultOffset(0, _outputs, first), Pixels, count, _types.ResultRowBytes(_outputs));
    }

    private long Pixels => _input[0] * _parameters.OutputHeight(_input[1]) * _parameters.OutputWidth(_input[2]);

    // A panel's results in single precision, where they are not stored as that.
    private long ResultBytes => _types.Rounds ? CountedMemory.Align(Pixels * PanelOutputs * sizeof(float)) : 0;
}
