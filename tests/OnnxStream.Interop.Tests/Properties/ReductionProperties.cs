using CsCheck;

namespace OnnxStream.Interop.Tests.Properties;

/// <summary>Operators that fold, order or normalise along axes.</summary>
[NativeMemoryLeakCheck]
public class ReductionProperties
{
    [Test]
    public void Reduce() => Property.Check(
        from operatorType in Property.OneOf("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp")
        from type in Property.OneOf(ElementType.Float32, ElementType.Float32, ElementType.Int32)
        from shape in Property.FullShape
        from axes in Axes(shape.Length)
        from keep in Gen.Bool
        from opset in Property.OneOf(13, 18)
        from seed in Property.Numbers
        let isInput = opset >= 18 || operatorType == "ReduceSum"
        // ONNX Runtime computes these for floats only, or rounds where the formula gives none.
        let element = operatorType is "ReduceL2" or "ReduceLogSumExp" or "ReduceMean" or "ReduceProd" ? ElementType.Float32 : type
        select (isInput
                ? new OperatorTester(operatorType, opset) { Tolerance = 1e-4 }.Input(TestTensors.Random(element, seed, -2, 2, shape)).Constant(TestTensors.Integers([.. axes.Select(axis => (long)axis)]))
                : new OperatorTester(operatorType, opset) { Tolerance = 1e-4 }.Input(TestTensors.Random(element, seed, -2, 2, shape)).Attribute("axes", axes))
            .Attribute("keepdims", keep ? 1 : 0).Output(element));

    [Test]
    public void Extrema() => Property.Check(
        from operatorType in Property.OneOf("ArgMax", "ArgMin")
        from type in Property.OneOf(ElementType.Float32, ElementType.Int32)
        from shape in Property.FullShape
        from axis in Property.Axis(shape.Length)
        from keep in Gen.Bool
        from last in Gen.Bool
        from seed in Property.Numbers
        // Whole numbers: some are equal.
        select new OperatorTester(operatorType, 13).Input(TestTensors.Random(type, seed, -3, 3, shape)).Attribute("axis", axis).Attribute("keepdims", keep ? 1 : 0).Attribute("select_last_index", last ? 1 : 0).Output(ElementType.Int64));

    [Test]
    public void Largest() => Property.Check(
        from shape in Property.FullShape
        from axis in Property.Axis(shape.Length)
        from count in Gen.Long[0, shape[(axis + shape.Length) % shape.Length]]
        from largest in Gen.Bool
        from seed in Property.Numbers
        select new OperatorTester("TopK", 11).Input(TestTensors.Floats(seed, shape)).Constant(TestTensors.Integers(count)).Attribute("axis", axis).Attribute("largest", largest ? 1 : 0).Output(ElementType.Float32).Output(ElementType.Int64));

    [Test]
    public void RunningSums() => Property.Check(
        from type in Property.OneOf(ElementType.Float32, ElementType.Float64, ElementType.Int64)
        from shape in Property.FullShape
        from axis in Property.Axis(shape.Length)
        from exclusive in Gen.Bool
        from reverse in Gen.Bool
        from seed in Property.Numbers
        select new OperatorTester("CumSum", 14) { Tolerance = 1e-4 }.Input(TestTensors.Random(type, seed, -5, 5, shape)).Constant(TensorBuffer.Create<long>([axis])).Attribute("exclusive", exclusive ? 1 : 0).Attribute("reverse", reverse ? 1 : 0).Output(type));

    [Test]
    public void Softmax() => Property.Check(
        from operatorType in Property.OneOf("Softmax", "LogSoftmax", "Hardmax")
        from shape in Property.FullShape
        from axis in Property.Axis(shape.Length)
        from opset in Property.OneOf(11, 13)
        from range in Property.OneOf(1.0, 30.0)
        from seed in Property.Numbers
        select new OperatorTester(operatorType, opset) { Tolerance = 1e-4 }.Input(TestTensors.Random(ElementType.Float32, seed, -range, range, shape)).Attribute("axis", axis));

    [Test]
    public void LayerNormalization() => Property.Check(
        from shape in Property.FullShape
        from axis in Property.Axis(shape.Length)
        from hasBias in Gen.Bool
        from seed in Property.Numbers
        let scale = shape[((axis + shape.Length) % shape.Length)..]
        let tester = new OperatorTester("LayerNormalization", 17) { Tolerance = 5e-4 }.Input(TestTensors.Floats(seed, shape)).Input(TestTensors.Floats(seed + 1, scale)).Attribute("axis", axis).Attribute("epsilon", 1e-2f)
        // ONNX Runtime 1.31 dies where the bias is left out with an empty name, as OperatorTester leaves inputs out: there is no third input.
        select hasBias ? tester.Input(TestTensors.Floats(seed + 2, scale)) : tester);

    [Test]
    public void InstanceNormalization() => Property.Check(
        from shape in Property.Extent.Array[3, 5].Where(shape => shape.Aggregate((a, b) => a * b) <= 4000)
        from seed in Property.Numbers
        select new OperatorTester("InstanceNormalization", 6) { Tolerance = 5e-4 }.Input(TestTensors.Floats(seed, shape)).Input(TestTensors.Floats(seed + 1, shape[1])).Input(TestTensors.Floats(seed + 2, shape[1])).Attribute("epsilon", 1e-2f));

    [Test]
    public void BatchNormalization() => Property.Check(
        from shape in Property.Extent.Array[2, 5].Where(shape => shape.Aggregate((a, b) => a * b) <= 4000)
        from seed in Property.Numbers
        select new OperatorTester("BatchNormalization", 15) { Tolerance = 1e-4 }.Input(TestTensors.Floats(seed, shape)).Constant(TestTensors.Floats(seed + 1, shape[1])).Constant(TestTensors.Floats(seed + 2, shape[1]))
            .Constant(TestTensors.Floats(seed + 3, shape[1])).Constant(TestTensors.Random(ElementType.Float32, seed + 4, 0.1, 2, shape[1])));

    private static Gen<int[]> Axes(int rank) =>
        from isChosen in Gen.Bool.Array[rank]
        from isNegative in Gen.Bool.Array[rank]
        let axes = Enumerable.Range(0, rank).Where(axis => isChosen[axis]).DefaultIfEmpty(rank - 1)
        select axes.Select(axis => isNegative[axis] ? axis - rank : axis).ToArray();
}
