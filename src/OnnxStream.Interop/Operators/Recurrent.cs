using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>RNN, GRU and LSTM. https://onnx.ai/onnx/operators/onnx__LSTM.html</summary>
/// <remarks>
/// Opset 7 dropped <c>output_sequence</c>, 14 added <c>layout</c>. All inputs are multiplied with the input weights first, in
/// one product; what remains step by step is managed.
/// </remarks>
internal sealed class Recurrent(RecurrentCell cell) : Operator
{
    private readonly record struct Geometry(long Steps, long Batch, long Input, int Hidden, bool[] IsReverse, bool IsBatchFirst, RecurrentActivation[] Activations)
    {
        public long Directions => IsReverse.Length;
    }

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Geometry geometry = Parse(context);
        int gates = new RecurrentLayer { Cell = cell, Steps = 0, Batch = 0, Hidden = 0, IsReverse = [], Activations = [] }.Gates;
        ElementType type = context.InputElementType(0);
        if (!type.IsFloat())
        {
            throw context.Invalid("the input must be a floating-point tensor");
        }

        Shape state = geometry.IsBatchFirst ? new Shape(geometry.Batch, geometry.Directions, geometry.Hidden) : new Shape(geometry.Directions, geometry.Batch, geometry.Hidden);
        Expect(context, 1, type, new Shape(geometry.Directions, gates * geometry.Hidden, geometry.Input));
        Expect(context, 2, type, new Shape(geometry.Directions, gates * geometry.Hidden, geometry.Hidden));
        ExpectOptional(context, 3, type, new Shape(geometry.Directions, 2 * gates * geometry.Hidden));
        ExpectOptional(context, 4, ElementType.Int32, new Shape(geometry.Batch));
        ExpectOptional(context, 5, type, state);
        context.SetOutput(0, type, geometry.IsBatchFirst
            ? new Shape(geometry.Batch, geometry.Steps, geometry.Directions, geometry.Hidden)
            : new Shape(geometry.Steps, geometry.Directions, geometry.Batch, geometry.Hidden));
        context.SetOutput(1, type, state);
        if (cell == RecurrentCell.Lstm)
        {
            ExpectOptional(context, 6, type, state);
            ExpectOptional(context, 7, type, new Shape(geometry.Directions, 3 * geometry.Hidden));
            context.SetOutput(2, type, state);
        }
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Geometry geometry = Parse(context);
        ElementType type = context.InputElementType(0);
        PlanTensor input = context.Input(0);
        List<PlanTensor> inputs = [input, context.Input(2)];
        List<PlanTensor> outputs = [];
        RecurrentLayer layer = new()
        {
            Cell = cell,
            Steps = geometry.Steps,
            Batch = geometry.Batch,
            Hidden = geometry.Hidden,
            IsReverse = geometry.IsReverse,
            Activations = geometry.Activations,
            Clip = context.Attributes.Float("clip", 0),
            ResetsLate = context.Attributes.Int("linear_before_reset", 0) != 0,
            CouplesForget = context.Attributes.Int("input_forget", 0) != 0,
            IsBatchFirst = geometry.IsBatchFirst,
            QuantizesStates = context.Node.Fusion is QuantizedStateFusion,
            Bias = AddInput(context, 3, inputs),
            Lengths = AddInput(context, 4, inputs),
            InitialState = AddInput(context, 5, inputs),
            InitialCell = cell == RecurrentCell.Lstm ? AddInput(context, 6, inputs) : 0,
            Peepholes = cell == RecurrentCell.Lstm ? AddInput(context, 7, inputs) : 0,
            AllStates = AddOutput(context, 0, outputs),
            LastState = AddOutput(context, 1, outputs),
            LastCell = cell == RecurrentCell.Lstm ? AddOutput(context, 2, outputs) : -1,
        };
        inputs[0] = Project(context, input, geometry, layer.Gates * geometry.Hidden);
        Kernel kernel = type switch
        {
            ElementType.Float32 => new RecurrentKernel<float, float>(layer),
            ElementType.Float64 => new RecurrentKernel<double, double>(layer),
            ElementType.Float16 => new RecurrentKernel<Half, float>(layer),
            _ => throw context.Unsupported($"element type {type.ToOnnxName()}"),
        };
        context.Emit(kernel, [.. inputs], [.. outputs]);
    }

    // [rows, input] x [directions, columns, input]' to [directions, rows, columns]
    private static PlanTensor Project(LoweringContext context, PlanTensor input, Geometry geometry, long columns)
    {
        long rows = geometry.Steps * geometry.Batch;
        PlanTensor projected = context.Temporary(input.ElementType, geometry.Directions, rows, columns);
        if (geometry.Directions == 1 && input.ElementType == ElementType.Float32 && context.ConstantInput(1) is { Location: not null } weight && projected.ElementCount > 0 && geometry.Input > 0)
        {
            PanelWeights panels = context.Panels(weight, PanelLayout.OutputMajor, columns, geometry.Input);
            context.Emit(new XnnFullyConnected(panels, hasBias: false, rows, context.Workers), [input], [projected]);
            return projected;
        }

        PlanTensor turned = Transpose.Emit(context, context.Input(1), [0, 2, 1]);
        Shape directions = new(geometry.Directions);
        MatMul.Emit(context, input, turned, new MatMul.Geometry(new Shape(1), directions, directions, rows, geometry.Input, columns), projected);
        return projected;
    }

    private Geometry Parse(NodeContext context)
    {
        Shape input = context.InputShape(0);
        if (input.Rank != 3)
        {
            throw context.Invalid("the input must have three dimensions");
        }

        bool[] isReverse = context.Attributes.String("direction", "forward") switch
        {
            "forward" => [false],
            "reverse" => [true],
            "bidirectional" => [false, true],
            var direction => throw context.Invalid($"direction '{direction}' is not one of forward, reverse, bidirectional"),
        };
        Shape recurrent = context.InputShape(2);
        long hidden = context.Attributes.Int("hidden_size", recurrent.Rank == 3 ? recurrent[2] : 0);
        long layout = context.Attributes.Int("layout", 0);
        if (hidden is < 1 or > 1 << 20 || layout is not (0 or 1))
        {
            throw context.Invalid($"hidden_size {hidden} or layout {layout} is not possible");
        }

        if (float.IsNaN(context.Attributes.Float("clip", 0)) || context.Attributes.Float("clip", 0) < 0)
        {
            throw context.Invalid("clip must not be negative");
        }

        string[] defaults = cell switch
        {
            RecurrentCell.Simple => ["Tanh"],
            RecurrentCell.Gru => ["Sigmoid", "Tanh"],
            _ => ["Sigmoid", "Tanh", "Tanh"],
        };
        string[] names = context.Attributes.Strings("activations") ?? [.. Enumerable.Repeat(defaults, isReverse.Length).SelectMany(name => name)];
        RecurrentActivation[]? activations = RecurrentActivation.Parse(names, context.Attributes.Floats("activation_alpha"), context.Attributes.Floats("activation_beta"));
        if (activations is null || activations.Length != defaults.Length * isReverse.Length)
        {
            throw context.Invalid($"the activations [{string.Join(", ", names)}] are not {defaults.Length * isReverse.Length} known ones");
        }

        bool isBatchFirst = layout == 1;
        return new Geometry(input[isBatchFirst ? 1 : 0], input[isBatchFirst ? 0 : 1], input[2], (int)hidden, isReverse, isBatchFirst, activations);
    }

    private static void ExpectOptional(NodeContext context, int index, ElementType type, Shape shape)
    {
        if (context.HasInput(index))
        {
            Expect(context, index, type, shape);
        }
    }

    private static void Expect(NodeContext context, int index, ElementType type, Shape shape)
    {
        TensorType expected = new(type, shape);
        if (context.InputType(index) != expected)
        {
            throw context.Invalid($"input {index} must be {expected}");
        }
    }

    private static int AddInput(LoweringContext context, int index, List<PlanTensor> inputs)
    {
        if (context.OptionalInput(index) is not { } input)
        {
            return 0;
        }

        inputs.Add(input);
        return inputs.Count - 1;
    }

    private static int AddOutput(LoweringContext context, int index, List<PlanTensor> outputs)
    {
        if (!context.HasOutput(index))
        {
            return -1;
        }

        outputs.Add(context.Output(index));
        return outputs.Count - 1;
    }
}
