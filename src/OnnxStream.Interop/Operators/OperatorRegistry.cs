using System.Globalization;
using System.Text;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>The operators that are supported: one explicit list, by family.</summary>
internal static class OperatorRegistry
{
    private static readonly Dictionary<(string Domain, string OperatorType), Operator> s_operators = Create();

    /// <summary>The names of all supported operators with their domains.</summary>
    public static IEnumerable<(string Domain, string OperatorType)> All => s_operators.Keys;

    /// <summary>Whether the operator of a node is in the list, in a version that is known: what a later one means, nobody can tell yet.</summary>
    public static bool IsSupported(Node node) => s_operators.ContainsKey((node.Domain, node.OperatorType)) && (node.Domain.Length > 0 || node.OperatorSet <= OperatorSets.Newest);

    /// <summary>The operator of a node.</summary>
    /// <exception cref="UnsupportedOperatorException">There is none.</exception>
    public static Operator Get(Node node) =>
        s_operators.TryGetValue((node.Domain, node.OperatorType), out Operator? found) ? found :
        throw new UnsupportedOperatorException($"The operator {node} of operator set {node.OperatorSet} is not supported.");

    /// <summary>Throws if the graph uses operators that are not in the list, naming all of them, or has attributes that they do not define.</summary>
    /// <exception cref="UnsupportedOperatorException">It uses such operators.</exception>
    /// <exception cref="InvalidGraphException">It has such attributes.</exception>
    /// <returns>The graph.</returns>
    public static Graph CheckSupported(Graph graph)
    {
        var missing = graph.AllNodes()
            .Where(node => !IsSupported(node))
            .GroupBy(node => (node.Domain, node.OperatorType, node.OperatorSet))
            .ToList();
        if (missing.Count == 0)
        {
            AttributeChecker.Check(graph);
            return graph;
        }

        StringBuilder text = new($"The model '{graph.Name}' uses {missing.Count} operator(s) that are not supported:");
        foreach (var group in missing)
        {
            text.AppendLine().Append(CultureInfo.InvariantCulture, $"  {(group.Key.Domain.Length > 0 ? group.Key.Domain + "." : "")}{group.Key.OperatorType} (operator set {group.Key.OperatorSet}), {group.Count()} node(s): ");
            text.AppendJoin(", ", group.Take(3).Select(node => $"'{(node.Name.Length > 0 ? node.Name : node.Outputs.FirstOrDefault()?.Name)}'"));
            text.Append(group.Count() > 3 ? ", …" : "");
        }

        if (missing.Any(group => group.Key.Domain.Length == 0 && group.Key.OperatorSet > OperatorSets.Newest))
        {
            text.AppendLine().Append(CultureInfo.InvariantCulture, $"  Operator sets up to {OperatorSets.Newest} are understood.");
        }

        throw new UnsupportedOperatorException(text.ToString());
    }

    private static Dictionary<(string Domain, string OperatorType), Operator> Create() => new()
    {
        // Layers
        [("", "CausalConvWithState")] = new CausalConvWithState(),
        [("", "Conv")] = new Conv(),
        [("", "ConvTranspose")] = new ConvTranspose(),
        [("", "DeformConv")] = new DeformConv(),
        [("", "Det")] = new Determinant(),
        [("", "Einsum")] = new Einsum(),
        [("", "Gemm")] = new Gemm(),
        [("", "GRU")] = new Recurrent(RecurrentCell.Gru),
        [("", "LSTM")] = new Recurrent(RecurrentCell.Lstm),
        [("", "MatMul")] = new MatMul(),
        [("", "RNN")] = new Recurrent(RecurrentCell.Simple),

        // Several tensors, element by element
        [("", "Add")] = new BinaryArithmetic(xnn_binary_operator.xnn_binary_add),
        [("", "And")] = new Logic(LogicFunction.And),
        [("", "BitShift")] = new Bitwise(BitwiseFunction.Shift),
        [("", "BitwiseAnd")] = new Bitwise(BitwiseFunction.And),
        [("", "BitwiseOr")] = new Bitwise(BitwiseFunction.Or),
        [("", "BitwiseXor")] = new Bitwise(BitwiseFunction.Xor),
        [("", "Div")] = new BinaryArithmetic(xnn_binary_operator.xnn_binary_divide),
        [("", "Equal")] = new Comparison(ComparisonFunction.Equal),
        [("", "Greater")] = new Comparison(ComparisonFunction.Greater),
        [("", "GreaterOrEqual")] = new Comparison(ComparisonFunction.GreaterOrEqual),
        [("", "Less")] = new Comparison(ComparisonFunction.Less),
        [("", "LessOrEqual")] = new Comparison(ComparisonFunction.LessOrEqual),
        [("", "Max")] = new Variadic(VariadicFunction.Max),
        [("", "Mean")] = new Variadic(VariadicFunction.Mean),
        [("", "Min")] = new Variadic(VariadicFunction.Min),
        [("", "Mod")] = new Mod(),
        [("", "Mul")] = new BinaryArithmetic(xnn_binary_operator.xnn_binary_multiply),
        [("", "Or")] = new Logic(LogicFunction.Or),
        [("", "Pow")] = new Pow(),
        [("", "PRelu")] = new PRelu(),
        [("", "Sub")] = new BinaryArithmetic(xnn_binary_operator.xnn_binary_subtract),
        [("", "Sum")] = new Variadic(VariadicFunction.Sum),
        [("", "SwiGLU")] = new SwiGlu(),
        [("", "Where")] = new Where(),
        [("", "Xor")] = new Logic(LogicFunction.Xor),

        // One tensor, element by element
        [("", "Abs")] = new UnaryArithmetic(UnaryArithmeticFunction.Abs),
        [("", "Acos")] = new UnaryMath(UnaryMathFunction.Acos),
        [("", "Acosh")] = new UnaryMath(UnaryMathFunction.Acosh),
        [("", "Asin")] = new UnaryMath(UnaryMathFunction.Asin),
        [("", "Asinh")] = new UnaryMath(UnaryMathFunction.Asinh),
        [("", "Atan")] = new UnaryMath(UnaryMathFunction.Atan),
        [("", "Atanh")] = new UnaryMath(UnaryMathFunction.Atanh),
        [("", "BitCast")] = new BitCast(),
        [("", "BitwiseNot")] = new BitwiseNot(),
        [("", "Cast")] = new Cast(),
        [("", "CastLike")] = new CastLike(),
        [("", "Ceil")] = new UnaryMath(UnaryMathFunction.Ceil),
        [("", "Celu")] = new Activation(ActivationFunction.Celu),
        [("", "Clip")] = new Clip(),
        [("", "Cos")] = new UnaryMath(UnaryMathFunction.Cos),
        [("", "Cosh")] = new UnaryMath(UnaryMathFunction.Cosh),
        [("", "Dropout")] = new Dropout(),
        [("", "Elu")] = new Activation(ActivationFunction.Elu),
        [("", "Erf")] = new UnaryMath(UnaryMathFunction.Erf),
        [("", "Exp")] = new UnaryMath(UnaryMathFunction.Exp),
        [("", "Floor")] = new UnaryMath(UnaryMathFunction.Floor),
        [("", "Gelu")] = new Activation(ActivationFunction.Gelu),
        [("", "HardSigmoid")] = new Activation(ActivationFunction.HardSigmoid),
        [("", "HardSwish")] = new UnaryMath(UnaryMathFunction.HardSwish),
        [("", "IsInf")] = new FloatClass(isInfinity: true),
        [("", "IsNaN")] = new FloatClass(isInfinity: false),
        [("", "LeakyRelu")] = new Activation(ActivationFunction.LeakyRelu),
        [("", "Log")] = new UnaryMath(UnaryMathFunction.Log),
        [("", "Mish")] = new UnaryMath(UnaryMathFunction.Mish),
        [("", "Neg")] = new UnaryArithmetic(UnaryArithmeticFunction.Neg),
        [("", "Not")] = new Not(),
        [("", "Reciprocal")] = new UnaryMath(UnaryMathFunction.Reciprocal),
        [("", "Relu")] = new Activation(ActivationFunction.Relu),
        [("", "Round")] = new UnaryMath(UnaryMathFunction.Round),
        [("", "Selu")] = new Activation(ActivationFunction.Selu),
        [("", "Shrink")] = new Activation(ActivationFunction.Shrink),
        [("", "Sigmoid")] = new UnaryMath(UnaryMathFunction.Sigmoid),
        [("", "Sign")] = new UnaryArithmetic(UnaryArithmeticFunction.Sign),
        [("", "Sin")] = new UnaryMath(UnaryMathFunction.Sin),
        [("", "Sinh")] = new UnaryMath(UnaryMathFunction.Sinh),
        [("", "Softplus")] = new UnaryMath(UnaryMathFunction.Softplus),
        [("", "Softsign")] = new UnaryMath(UnaryMathFunction.Softsign),
        [("", "Sqrt")] = new UnaryMath(UnaryMathFunction.Sqrt),
        [("", "Swish")] = new Activation(ActivationFunction.Swish),
        [("", "Tan")] = new UnaryMath(UnaryMathFunction.Tan),
        [("", "Tanh")] = new UnaryMath(UnaryMathFunction.Tanh),
        [("", "ThresholdedRelu")] = new Activation(ActivationFunction.ThresholdedRelu),

        // Images
        [("", "AffineGrid")] = new AffineGrid(),
        [("", "AveragePool")] = new Pool(PoolFunction.Average, isGlobal: false),
        [("", "Col2Im")] = new Col2Im(),
        [("", "GlobalAveragePool")] = new Pool(PoolFunction.Average, isGlobal: true),
        [("", "GlobalLpPool")] = new Pool(PoolFunction.Lp, isGlobal: true),
        [("", "GlobalMaxPool")] = new Pool(PoolFunction.Max, isGlobal: true),
        [("", "GridSample")] = new GridSample(),
        [("", "LpPool")] = new Pool(PoolFunction.Lp, isGlobal: false),
        [("", "MaxPool")] = new Pool(PoolFunction.Max, isGlobal: false),
        [("", "MaxRoiPool")] = new MaxRoiPool(),
        [("", "MaxUnpool")] = new MaxUnpool(),
        [("", "NonMaxSuppression")] = new NonMaxSuppression(),
        [("", "Resize")] = new Resize(),
        [("", "RoiAlign")] = new RoiAlign(),
        [("", "Upsample")] = new Resize(),

        // Signals
        [("", "BlackmanWindow")] = new WindowFunction(0.42, 0.5, 0.08),
        [("", "DFT")] = new FourierOperator(),
        [("", "HammingWindow")] = new WindowFunction(25.0 / 46, 21.0 / 46, 0),
        [("", "HannWindow")] = new WindowFunction(0.5, 0.5, 0),
        [("", "MelWeightMatrix")] = new MelWeightMatrix(),
        [("", "STFT")] = new ShortTimeFourier(),

        // Losses
        [("", "NegativeLogLikelihoodLoss")] = new NegativeLogLikelihoodLoss(),
        [("", "SoftmaxCrossEntropyLoss")] = new SoftmaxCrossEntropyLoss(),

        // Text
        [("", "TfIdfVectorizer")] = new TfIdfVectorizer(),

        // Random numbers
        [("", "Bernoulli")] = new Bernoulli(),
        [("", "Multinomial")] = new Multinomial(),
        [("", "RandomNormal")] = new RandomOperator(isNormal: true, isLike: false),
        [("", "RandomNormalLike")] = new RandomOperator(isNormal: true, isLike: true),
        [("", "RandomUniform")] = new RandomOperator(isNormal: false, isLike: false),
        [("", "RandomUniformLike")] = new RandomOperator(isNormal: false, isLike: true),

        // Quantization
        [("", "ConvInteger")] = new IntegerProduct(isConvolution: true, isQuantized: false),
        [("", "DequantizeLinear")] = new LinearQuantization(isInverse: true),
        [("", "DynamicQuantizeLinear")] = new DynamicQuantizeLinear(),
        [("", "MatMulInteger")] = new IntegerProduct(isConvolution: false, isQuantized: false),
        [("", "QLinearConv")] = new IntegerProduct(isConvolution: true, isQuantized: true),
        [("", "QLinearMatMul")] = new IntegerProduct(isConvolution: false, isQuantized: true),
        [("", "QuantizeLinear")] = new LinearQuantization(isInverse: false),

        // Normalisation and reduction
        [("", "ArgMax")] = new ArgExtremum(isMinimum: false),
        [("", "ArgMin")] = new ArgExtremum(isMinimum: true),
        [("", "BatchNormalization")] = new BatchNormalization(),
        [("", "CumProd")] = new Cumulative(isProduct: true),
        [("", "CumSum")] = new Cumulative(isProduct: false),
        [("", "GroupNormalization")] = new GroupNormalization(),
        [("", "Hardmax")] = new Softmax(SoftmaxFunction.Hardmax),
        [("", "InstanceNormalization")] = new InstanceNormalization(),
        [("", "LayerNormalization")] = new LayerNormalization(isUncentered: false),
        [("", "LogSoftmax")] = new Softmax(SoftmaxFunction.LogSoftmax),
        [("", "LpNormalization")] = new LpNormalization(),
        [("", "LRN")] = new LocalResponseNormalization(),
        [("", "MeanVarianceNormalization")] = new MeanVarianceNormalization(),
        [("", "ReduceL1")] = new Reduce(ReduceFunction.L1),
        [("", "ReduceL2")] = new Reduce(ReduceFunction.L2),
        [("", "ReduceLogSum")] = new Reduce(ReduceFunction.LogSum),
        [("", "ReduceLogSumExp")] = new Reduce(ReduceFunction.LogSumExp),
        [("", "ReduceMax")] = new Reduce(ReduceFunction.Max),
        [("", "ReduceMean")] = new Reduce(ReduceFunction.Mean),
        [("", "ReduceMin")] = new Reduce(ReduceFunction.Min),
        [("", "ReduceProd")] = new Reduce(ReduceFunction.Prod),
        [("", "ReduceSum")] = new Reduce(ReduceFunction.Sum),
        [("", "ReduceSumSquare")] = new Reduce(ReduceFunction.SumSquare),
        [("", "RMSNormalization")] = new LayerNormalization(isUncentered: true),
        [("", "Softmax")] = new Softmax(SoftmaxFunction.Softmax),

        // Searching and selecting
        [("", "NonZero")] = new NonZero(),
        [("", "TopK")] = new TopK(),
        [("", "Unique")] = new Unique(isMicrosoft: false),

        // Moving data, nothing computed
        [("", "CenterCropPad")] = new CenterCropPad(),
        [("", "Compress")] = new Compress(),
        [("", "Concat")] = new Concat(),
        [("", "DepthToSpace")] = new DepthToSpace(inverse: false),
        [("", "Expand")] = new Expand(),
        [("", "Flatten")] = new Flatten(),
        [("", "Gather")] = new Gather(),
        [("", "GatherElements")] = new GatherElements(),
        [("", "GatherND")] = new GatherND(),
        [("", "Identity")] = new Identity(),
        [("", "Pad")] = new Pad(),
        [("", "Reshape")] = new Reshape(),
        [("", "ReverseSequence")] = new ReverseSequence(),
        [("", "Scatter")] = new ScatterElements(),
        [("", "ScatterElements")] = new ScatterElements(),
        [("", "ScatterND")] = new ScatterND(),
        [("", "Slice")] = new Slice(),
        [("", "SpaceToDepth")] = new DepthToSpace(inverse: true),
        [("", "Split")] = new Split(),
        [("", "Squeeze")] = new Squeeze(),
        [("", "Tile")] = new Tile(),
        [("", "Transpose")] = new Transpose(),
        [("", "Trilu")] = new Trilu(),
        [("", "Unsqueeze")] = new Unsqueeze(),

        // Transformers
        [("", "Attention")] = new Attention(),
        [("", "LinearAttention")] = new LinearAttention(),
        [("", "RotaryEmbedding")] = new RotaryEmbedding(isMicrosoft: false),
        [("", "SimplifiedLayerNormalization")] = new SimplifiedLayerNormalization(),
        [("", "TensorScatter")] = new TensorScatter(),
        [(OperatorSets.PreviewDomain, "FlexAttention")] = new FlexAttention(),
        [(OperatorSets.MicrosoftDomain, "Attention")] = new SelfAttention(isQuantized: false),
        [(OperatorSets.MicrosoftDomain, "BiasAdd")] = new BiasAdd(),
        [(OperatorSets.MicrosoftDomain, "BiasDropout")] = new BiasDropout(),
        [(OperatorSets.MicrosoftDomain, "BiasGelu")] = new BiasActivation("Gelu"),
        [(OperatorSets.MicrosoftDomain, "BiasSoftmax")] = new BiasSoftmax(),
        [(OperatorSets.MicrosoftDomain, "BiasSplitGelu")] = new BiasSplitGelu(),
        [(OperatorSets.MicrosoftDomain, "CausalConvWithState")] = new CausalConvOfMicrosoft(),
        [(OperatorSets.MicrosoftDomain, "DecoderMaskedMultiHeadAttention")] = new DecoderAttention(),
        [(OperatorSets.MicrosoftDomain, "EmbedLayerNormalization")] = new EmbeddingNormalization(isQuantized: false),
        [(OperatorSets.MicrosoftDomain, "FastGelu")] = new BiasActivation("Gelu", isApproximate: true),
        [(OperatorSets.MicrosoftDomain, "FusedConv")] = new ConvWithActivation(channelsLast: false),
        [(OperatorSets.MicrosoftDomain, "FusedGemm")] = new GemmWithActivation(),
        [(OperatorSets.MicrosoftDomain, "FusedMatMul")] = new FusedMatMul(),
        [(OperatorSets.MicrosoftDomain, "FusedMatMulActivation")] = new FusedMatMul(),
        [(OperatorSets.MicrosoftDomain, "GatedAdd")] = new GatedAdd(),
        [(OperatorSets.MicrosoftDomain, "GatedRelativePositionBias")] = new GatedRelativePositionBias(),
        [(OperatorSets.MicrosoftDomain, "GatedRMSNorm")] = new GatedNormalization(),
        [(OperatorSets.MicrosoftDomain, "Gelu")] = new BiasActivation("Gelu"),
        [(OperatorSets.MicrosoftDomain, "GemmaRotaryEmbedding")] = new GemmaRotaryEmbedding(),
        [(OperatorSets.MicrosoftDomain, "GemmFastGelu")] = new MatMulGelu(),
        [(OperatorSets.MicrosoftDomain, "GroupNorm")] = new GroupNorm(hasSkip: false),
        [(OperatorSets.MicrosoftDomain, "GroupQueryAttention")] = new GroupQueryAttention(),
        [(OperatorSets.MicrosoftDomain, "LinearAttention")] = new PackedLinearAttention(),
        [(OperatorSets.MicrosoftDomain, "LinearAttentionGate")] = new LinearAttentionGate(),
        [(OperatorSets.MicrosoftDomain, "MatMulBnb4")] = new MatMulBnb4(),
        [(OperatorSets.MicrosoftDomain, "MatMulNBits")] = new MatMulNBits(),
        [(OperatorSets.MicrosoftDomain, "MoE")] = new MixtureOfExperts(isQuantized: false),
        [(OperatorSets.MicrosoftDomain, "MRotaryEmbedding")] = new MultiAxisRotaryEmbedding(),
        [(OperatorSets.MicrosoftDomain, "MultiHeadAttention")] = new MultiHeadAttention(),
        [(OperatorSets.MicrosoftDomain, "NGramRepeatBlock")] = new RepeatedTokens(),
        [(OperatorSets.MicrosoftDomain, "NhwcConv")] = new ConvWithActivation(channelsLast: true),
        [(OperatorSets.MicrosoftDomain, "NhwcFusedConv")] = new ConvWithActivation(channelsLast: true),
        [(OperatorSets.MicrosoftDomain, "PackedAttention")] = new PackedAttention(isProjected: true),
        [(OperatorSets.MicrosoftDomain, "PackedMultiHeadAttention")] = new PackedAttention(isProjected: false),
        [(OperatorSets.MicrosoftDomain, "QuickGelu")] = new BiasActivation("Swish"),
        [(OperatorSets.MicrosoftDomain, "RelativePositionBias")] = new RelativePositionBias(),
        [(OperatorSets.MicrosoftDomain, "RemovePadding")] = new RemovePadding(),
        [(OperatorSets.MicrosoftDomain, "RestorePadding")] = new RestorePadding(),
        [(OperatorSets.MicrosoftDomain, "RotaryEmbedding")] = new RotaryEmbedding(isMicrosoft: true),
        [(OperatorSets.MicrosoftDomain, "SimplifiedLayerNormalization")] = new SimplifiedLayerNormalization(),
        [(OperatorSets.MicrosoftDomain, "SkipGroupNorm")] = new GroupNorm(hasSkip: true),
        [(OperatorSets.MicrosoftDomain, "SkipLayerNormalization")] = new SkipNormalization(isUncentered: false),
        [(OperatorSets.MicrosoftDomain, "SkipSimplifiedLayerNormalization")] = new SkipNormalization(isUncentered: true),
        [(OperatorSets.MicrosoftDomain, "SparseAttention")] = new SparseAttention(),
        [(OperatorSets.MicrosoftDomain, "TorchEmbedding")] = new TorchEmbedding(),
        [(OperatorSets.MicrosoftDomain, "TransposeMatMul")] = new FusedMatMul(),

        // Quantized tensors, as ONNX Runtime's tools write them
        [(OperatorSets.MicrosoftDomain, "DequantizeLinear")] = new RenamedOperator("DequantizeLinear"),
        [(OperatorSets.MicrosoftDomain, "DynamicQuantizeLSTM")] = new QuantizedLstm(),
        [(OperatorSets.MicrosoftDomain, "DynamicQuantizeMatMul")] = new QuantizedMatMul(isDynamic: true),
        [(OperatorSets.MicrosoftDomain, "GatherBlockQuantized")] = new GatherBlockQuantized(),
        [(OperatorSets.MicrosoftDomain, "MatMulInteger16")] = new ShortIntegerProduct(),
        [(OperatorSets.MicrosoftDomain, "MatMulIntegerToFloat")] = new QuantizedMatMul(isDynamic: false),
        [(OperatorSets.MicrosoftDomain, "NhwcMaxPool")] = new ChannelsLastOperator("MaxPool", isAlways: true),
        [(OperatorSets.MicrosoftDomain, "QAttention")] = new SelfAttention(isQuantized: true),
        [(OperatorSets.MicrosoftDomain, "QEmbedLayerNormalization")] = new EmbeddingNormalization(isQuantized: true),
        [(OperatorSets.MicrosoftDomain, "QGemm")] = new QuantizedGemm(),
        [(OperatorSets.MicrosoftDomain, "QLinearAdd")] = new QuantizedArithmetic(isProduct: false),
        [(OperatorSets.MicrosoftDomain, "QLinearAveragePool")] = new QuantizedAveragePool(isGlobal: false),
        [(OperatorSets.MicrosoftDomain, "QLinearConcat")] = new QuantizedConcat(),
        [(OperatorSets.MicrosoftDomain, "QLinearConv")] = new ChannelsLastOperator("QLinearConv", isAlways: false),
        [(OperatorSets.MicrosoftDomain, "QLinearGlobalAveragePool")] = new QuantizedAveragePool(isGlobal: true),
        [(OperatorSets.MicrosoftDomain, "QLinearLeakyRelu")] = new QuantizedActivation("LeakyRelu"),
        [(OperatorSets.MicrosoftDomain, "QLinearMul")] = new QuantizedArithmetic(isProduct: true),
        [(OperatorSets.MicrosoftDomain, "QLinearSigmoid")] = new QuantizedActivation("Sigmoid"),
        [(OperatorSets.MicrosoftDomain, "QLinearSoftmax")] = new QuantizedSoftmax(),
        [(OperatorSets.MicrosoftDomain, "QLinearWhere")] = new QuantizedWhere(),
        [(OperatorSets.MicrosoftDomain, "QMoE")] = new MixtureOfExperts(isQuantized: true),
        [(OperatorSets.MicrosoftDomain, "QuantizeLinear")] = new RenamedOperator("QuantizeLinear"),

        // Others, most of which ONNX has by now, too
        [(OperatorSets.MicrosoftDomain, "CDist")] = new PairwiseDistance(),
        [(OperatorSets.MicrosoftDomain, "ComplexMul")] = new ComplexProduct(isConjugate: false),
        [(OperatorSets.MicrosoftDomain, "ComplexMulConj")] = new ComplexProduct(isConjugate: true),
        [(OperatorSets.MicrosoftDomain, "ConvTransposeWithDynamicPads")] = new ConvTransposeOfInput(),
        [(OperatorSets.MicrosoftDomain, "ExpandDims")] = new ExpandDims(),
        [(OperatorSets.MicrosoftDomain, "GatherND")] = new RenamedOperator("GatherND"),
        [(OperatorSets.MicrosoftDomain, "GridSample")] = new GridSample(),
        [(OperatorSets.MicrosoftDomain, "Inverse")] = new Inverse(),
        [(OperatorSets.MicrosoftDomain, "Irfft")] = new RealFourier(isInverse: true),
        [(OperatorSets.MicrosoftDomain, "Pad")] = new PadOfInput(),
        [(OperatorSets.MicrosoftDomain, "Range")] = new RenamedOperator("Range"),
        [(OperatorSets.MicrosoftDomain, "Rfft")] = new RealFourier(isInverse: false),
        [(OperatorSets.MicrosoftDomain, "Trilu")] = new RenamedOperator("Trilu"),
        [(OperatorSets.MicrosoftDomain, "UnfoldTensor")] = new UnfoldTensor(),
        [(OperatorSets.MicrosoftDomain, "Unique")] = new Unique(isMicrosoft: true),

        // Made by rewrites
        [(OperatorSets.InternalDomain, FusedActivation.Name)] = new FusedActivation(),
        [(OperatorSets.InternalDomain, "AveragePool")] = new Pool(PoolFunction.Average, isGlobal: false, channelsLast: true),
        [(OperatorSets.InternalDomain, "BatchNormalization")] = new BatchNormalization(channelsLast: true),
        [(OperatorSets.InternalDomain, "Conv")] = new Conv(channelsLast: true),
        [(OperatorSets.InternalDomain, ExpertProduct.Name)] = new ExpertProduct(),
        [(OperatorSets.InternalDomain, FullyConnected.Name)] = new FullyConnected(),
        [(OperatorSets.InternalDomain, CachedAttention.Name)] = new CachedAttention(),
        [(OperatorSets.InternalDomain, FusedAttention.Name)] = new FusedAttention(),
        [(OperatorSets.InternalDomain, FusedGroupNormalization.Name)] = new FusedGroupNormalization(),
        [(OperatorSets.InternalDomain, GatedActivation.Name)] = new GatedActivation(),
        [(OperatorSets.InternalDomain, LimitedSum.Name)] = new LimitedSum(),
        [(OperatorSets.InternalDomain, Observe.Name)] = new Observe(),
        [(OperatorSets.InternalDomain, QuantizedProduct.Name)] = new QuantizedProduct(),
        [(OperatorSets.InternalDomain, QuantizedSum.Name)] = new QuantizedSum(),
        [(OperatorSets.InternalDomain, RowStorage.Name)] = new RowStorage(),
        [(OperatorSets.InternalDomain, RowTiles.Name)] = new RowTiles(),
        [(OperatorSets.InternalDomain, "MaxPool")] = new Pool(PoolFunction.Max, isGlobal: false, channelsLast: true),

        // Graphs inside of nodes
        [("", "If")] = new ControlFlow(),
        [("", "Loop")] = new ControlFlow(),
        [("", "Scan")] = new ControlFlow(),
        [("", "SequenceMap")] = new ControlFlow(),

        // Sequences of tensors, and optional values
        [("", "ConcatFromSequence")] = new SequenceOperator(),
        [("", "Optional")] = new OptionalOperator(),
        [("", "OptionalGetElement")] = new OptionalOperator(),
        [("", "OptionalHasElement")] = new OptionalOperator(),
        [("", "SequenceAt")] = new SequenceOperator(),
        [("", "SequenceConstruct")] = new SequenceOperator(),
        [("", "SequenceEmpty")] = new SequenceOperator(),
        [("", "SequenceErase")] = new SequenceOperator(),
        [("", "SequenceInsert")] = new SequenceOperator(),
        [("", "SequenceLength")] = new SequenceOperator(),
        [("", "SplitToSequence")] = new SequenceOperator(),

        // Made from attributes and shapes
        [("", "Constant")] = new ConstantOperator(),
        [("", "ConstantOfShape")] = new ConstantOfShape(),
        [("", "EyeLike")] = new EyeLike(),
        [("", "OneHot")] = new OneHot(),
        [("", "Range")] = new RangeOperator(),
        [("", "Shape")] = new ShapeOperator(),
        [("", "Size")] = new SizeOperator(),
    };
}
