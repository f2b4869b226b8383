using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Sums of products by Einstein's convention, as NumPy writes it. https://onnx.ai/onnx/operators/onnx__Einsum.html (opset 12).</summary>
/// <remarks>
/// Any number of operands, taken in from left to right; ellipses, repeated and broadcast labels. What two operands share and
/// the result does not is a matrix product, where they share nothing else it is one of elements. A constant matrix on the
/// right is streamed in panels.
/// </remarks>
internal sealed class Einsum : Operator
{
    // Labels are letters, or -1, -2, … for the dimensions of an ellipsis from the innermost on.
    private sealed record Equation(int[][] Operands, int[] Output, Dictionary<int, long> Lengths)
    {
        public static Equation Parse(NodeContext context)
        {
            string text = context.Attributes.String("equation", "").Replace(" ", "", StringComparison.Ordinal);
            string[] sides = text.Split("->");
            string[] terms = sides[0].Split(',');
            if (sides.Length > 2 || terms.Length != context.InputCount || context.InputCount == 0)
            {
                throw context.Invalid($"the equation '{text}' does not fit {context.InputCount} operand(s)");
            }

            int ellipsis = -1;
            Dictionary<int, long> lengths = [];
            int[][] operands = new int[terms.Length][];
            for (int i = 0; i < terms.Length; i++)
            {
                Shape shape = context.InputShape(i);
                int rank = shape.Rank - (terms[i].Length - (terms[i].Contains("...", StringComparison.Ordinal) ? 3 : 0));
                operands[i] = Labels(context, text, terms[i], rank);
                if (operands[i].Length != shape.Rank)
                {
                    throw context.Invalid($"the term '{terms[i]}' of the equation does not fit an operand with {shape.Rank} dimensions");
                }

                ellipsis = terms[i].Contains("...", StringComparison.Ordinal) ? Math.Max(ellipsis, rank) : ellipsis;
                for (int k = 0; k < shape.Rank; k++)
                {
                    long known = lengths.GetValueOrDefault(operands[i][k], 1);
                    if (known != 1 && shape[k] != 1 && known != shape[k])
                    {
                        throw context.Invalid($"the equation '{text}' gives dimensions of {known} and {shape[k]} elements the same label");
                    }

                    lengths[operands[i][k]] = known == 1 ? shape[k] : known;
                }
            }

            int[] output = sides.Length == 2 ? Labels(context, text, sides[1], Math.Max(0, ellipsis)) : ImplicitOutput(operands, Math.Max(0, ellipsis));
            if (output.Distinct().Count() != output.Length || output.Any(label => !lengths.ContainsKey(label)) || (ellipsis > 0 && !output.Contains(-1)))
            {
                throw context.Invalid($"the result of the equation '{text}' must name labels of operands once, and the ellipsis if there is one");
            }

            return new Equation(operands, output, lengths);
        }

        private static int[] Labels(NodeContext context, string equation, string term, int ellipsis)
        {
            List<int> labels = [];
            bool hasEllipsis = false;
            for (int i = 0; i < term.Length; i++)
            {
                if (term.AsSpan(i).StartsWith("...") && !hasEllipsis)
                {
                    hasEllipsis = true;
                    for (int k = ellipsis; k > 0; k--)
                    {
                        labels.Add(-k);
                    }

                    i += 2;
                }
                else if (char.IsAsciiLetter(term[i]))
                {
                    labels.Add(term[i]);
                }
                else
                {
                    throw context.Invalid($"the equation '{equation}' is not one");
                }
            }

            return [.. labels];
        }

        // The ellipsis, then the labels that occur once, in alphabetical order.
        private static int[] ImplicitOutput(int[][] operands, int ellipsis) =>
        [
            .. Enumerable.Range(0, ellipsis).Select(i => i - ellipsis),
            .. operands.SelectMany(labels => labels).Where(label => label > 0).GroupBy(label => label).Where(group => group.Count() == 1).Select(group => group.Key).Order(),
        ];
    }

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Equation equation = Equation.Parse(context);
        for (int i = 1; i < context.InputCount; i++)
        {
            if (context.InputElementType(i) != context.InputElementType(0))
            {
                throw context.Invalid("all operands must have the same element type");
            }
        }

        context.SetOutput(0, context.InputElementType(0), new Shape([.. equation.Output.Select(label => equation.Lengths[label])]));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Equation equation = Equation.Parse(context);
        Term result = default;
        for (int i = 0; i < equation.Operands.Length; i++)
        {
            // Labels that neither the result nor a later operand has are summed over as soon as they can be.
            HashSet<int> needed = [.. equation.Output, .. equation.Operands.Skip(i + 1).SelectMany(labels => labels)];
            if (i == 1 && TryStream(context, equation, result, needed, out Term product))
            {
                result = product;
                continue;
            }

            Term operand = Diagonal(context, new Term(context.Input(i), equation.Operands[i]), equation);
            result = i == 0 ? Sum(context, operand, needed) : Multiply(context, result, operand, needed);
        }

        // Labels that were broadcast everywhere have length 1.
        PlanTensor output = Arrange(context, result, [.. equation.Output.Where(label => result.Labels.Contains(label))]).Tensor;
        context.View(0, output);
    }

    private readonly record struct Term(PlanTensor Tensor, int[] Labels)
    {
        public long Product(IEnumerable<int> labels)
        {
            long product = 1;
            foreach (int label in labels)
            {
                product *= Tensor.Shape[Array.IndexOf(Labels, label)];
            }

            return product;
        }

        public PlanTensor Reshaped(params ReadOnlySpan<long> dimensions) => Tensor.View(Tensor.Name, Tensor.Type with { Shape = new Shape(dimensions) });
    }

    // Each label once: a repeated one keeps the elements with equal positions. Labels of broadcast dimensions are dropped.
    private static Term Diagonal(LoweringContext context, Term term, Equation equation)
    {
        Shape shape = term.Tensor.Shape;
        long[] own = shape.RowMajorStrides();
        List<int> labels = [];
        List<long> dimensions = [];
        List<long> strides = [];
        for (int i = 0; i < shape.Rank; i++)
        {
            int label = term.Labels[i];
            long stride = shape[i] == 1 ? 0 : own[i];
            if (labels.IndexOf(label) is int known and >= 0)
            {
                dimensions[known] = Math.Max(dimensions[known], shape[i]);
                strides[known] += stride;
            }
            else
            {
                labels.Add(label);
                dimensions.Add(shape[i]);
                strides.Add(stride);
            }
        }

        PlanTensor tensor = term.Tensor;
        if (labels.Count < shape.Rank)
        {
            PlanTensor diagonal = context.Temporary(tensor.ElementType, [.. dimensions]);
            if (diagonal.ElementCount > 0)
            {
                context.Emit(new StridedCopy(tensor.ElementType.SizeOf(), diagonal.Shape, [.. strides], 0), [tensor], [diagonal]);
            }

            tensor = diagonal;
        }

        for (int i = labels.Count - 1; i >= 0; i--)
        {
            if (dimensions[i] == 1 && equation.Lengths[labels[i]] != 1)
            {
                labels.RemoveAt(i);
                dimensions.RemoveAt(i);
            }
        }

        return new Term(tensor.View(tensor.Name, tensor.Type with { Shape = new Shape([.. dimensions]) }), [.. labels]);
    }

    private static Term Sum(LoweringContext context, Term term, HashSet<int> needed)
    {
        bool[] isReduced = [.. term.Labels.Select(label => !needed.Contains(label))];
        if (!isReduced.Contains(true))
        {
            return term;
        }

        int[] kept = [.. term.Labels.Where(needed.Contains)];
        PlanTensor sum = context.Temporary(term.Tensor.ElementType, [.. kept.Select(label => term.Product([label]))]);
        Reduce.Emit(context, ReduceFunction.Sum, term.Tensor, isReduced, sum);
        return new Term(sum, kept);
    }

    private static Term Multiply(LoweringContext context, Term left, Term right, HashSet<int> needed)
    {
        left = Sum(context, left, [.. needed, .. right.Labels]);
        right = Sum(context, right, [.. needed, .. left.Labels]);
        int[] batch = [.. left.Labels.Where(label => right.Labels.Contains(label) && needed.Contains(label))];
        int[] contracted = [.. left.Labels.Where(label => right.Labels.Contains(label) && !needed.Contains(label))];
        int[] rows = [.. left.Labels.Except(right.Labels)];
        int[] columns = [.. right.Labels.Except(left.Labels)];
        long b = left.Product(batch);
        long m = left.Product(rows);
        long k = left.Product(contracted);
        long n = right.Product(columns);
        left = Arrange(context, left, [.. batch, .. rows, .. contracted]);
        right = Arrange(context, right, [.. batch, .. contracted, .. columns]);
        PlanTensor product = context.Temporary(left.Tensor.ElementType, [.. batch.Concat(rows).Select(label => left.Product([label])), .. columns.Select(label => right.Product([label]))]);
        if (contracted.Length == 0)
        {
            BinaryArithmetic.Emit(
                context, xnn_binary_operator.xnn_binary_multiply, left.Reshaped(b, m, 1), right.Reshaped(b, 1, n), product.View("", product.Type with { Shape = new Shape(b, m, n) }));
        }
        else
        {
            Shape batchShape = new(b);
            MatMul.Emit(context, left.Tensor, right.Tensor, new MatMul.Geometry(batchShape, batchShape, batchShape, m, k, n), product);
        }

        return new Term(product, [.. batch, .. rows, .. columns]);
    }

    // The second operand is a weight whose contracted labels stand together in front of or behind all others.
    private static bool TryStream(LoweringContext context, Equation equation, Term left, HashSet<int> needed, out Term product)
    {
        product = default;
        int[] labels = equation.Operands[1];
        if (context.ConstantInput(1) is not { Location: not null } weight || weight.IsChannelsLast || weight.Type.ElementType != ElementType.Float32 || left.Tensor.ElementCount == 0 || weight.Type.Shape.ElementCount == 0)
        {
            return false;
        }

        int[] contracted = [.. labels.Where(label => left.Labels.Contains(label) && !needed.Contains(label))];
        int[] columns = [.. labels.Where(label => !left.Labels.Contains(label) && needed.Contains(label))];
        bool isInputMajor = labels.SequenceEqual(contracted.Concat(columns));
        if (contracted.Length == 0 || labels.Distinct().Count() != labels.Length || (!isInputMajor && !labels.SequenceEqual(columns.Concat(contracted))) ||
            labels.Where((label, i) => weight.Type.Shape[i] != equation.Lengths[label]).Any())
        {
            return false;
        }

        left = Sum(context, left, [.. needed, .. labels]);
        int[] rows = [.. left.Labels.Except(contracted)];
        left = Arrange(context, left, [.. rows, .. contracted]);
        long[] dimensions = [.. rows.Concat(columns).Select(label => equation.Lengths[label])];
        PlanTensor tensor = context.Temporary(ElementType.Float32, dimensions);
        PanelWeights panels = context.Panels(
            weight, isInputMajor ? PanelLayout.InputMajor : PanelLayout.OutputMajor, new Shape(dimensions).Product(rows.Length, dimensions.Length), left.Product(contracted));
        context.Emit(new XnnFullyConnected(panels, hasBias: false, left.Product(rows), context.Workers), [left.Tensor], [tensor]);
        product = new Term(tensor, [.. rows, .. columns]);
        return true;
    }

    private static Term Arrange(LoweringContext context, Term term, int[] labels)
    {
        if (labels.SequenceEqual(term.Labels))
        {
            return term;
        }

        int[] permutation = [.. labels.Select(label => Array.IndexOf(term.Labels, label))];
        return new Term(Transpose.Emit(context, term.Tensor, permutation), labels);
    }
}
