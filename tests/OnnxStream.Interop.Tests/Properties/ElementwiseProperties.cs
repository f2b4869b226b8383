using CsCheck;

namespace OnnxStream.Interop.Tests.Properties;

/// <summary>Operators that work element by element, with broadcasting.</summary>
[NativeMemoryLeakCheck]
public class ElementwiseProperties
{
    private static readonly ElementType[] s_numbers = [ElementType.Float32, ElementType.Float64, ElementType.Int32, ElementType.Int64];

    [Test]
    public void Arithmetic() => Property.Check(
        from operatorType in Property.OneOf("Add", "Sub", "Mul", "Div")
        from type in Property.OneOf(s_numbers)
        from shapes in Pair
        from seed in Property.Numbers
        from opset in Property.OneOf(7, 13, 14)
        select new OperatorTester(operatorType, opset)
            // No division by zero: what that is for integers, nobody defines.
            .Input(TestTensors.Random(type, seed, -9, 9, shapes.Left)).Input(TestTensors.Random(type, seed + 1, 1, 7, shapes.Right)).Output(type));

    [Test]
    public void Comparisons() => Property.Check(
        from operatorType in Property.OneOf("Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual")
        from type in Property.OneOf(s_numbers)
        from shapes in Pair
        from seed in Property.Numbers
        select new OperatorTester(operatorType, 16).Input(TestTensors.Random(type, seed, -3, 3, shapes.Left)).Input(TestTensors.Random(type, seed + 1, -3, 3, shapes.Right)).Output(ElementType.Bool));

    [Test]
    public void Logic() => Property.Check(
        from operatorType in Property.OneOf("And", "Or", "Xor")
        from shapes in Pair
        from seed in Property.Numbers
        select new OperatorTester(operatorType, 7)
            .Input(TestTensors.Random(ElementType.Bool, seed, -1, 1, shapes.Left)).Input(TestTensors.Random(ElementType.Bool, seed + 1, -1, 1, shapes.Right)).Output(ElementType.Bool));

    [Test]
    public void Powers() => Property.Check(
        from @base in Property.OneOf(ElementType.Float32, ElementType.Float64, ElementType.Int32, ElementType.Int64)
        from exponent in Property.OneOf(ElementType.Float32, ElementType.Int32, ElementType.Int64)
        from shapes in Pair
        from seed in Property.Numbers
        select new OperatorTester("Pow", 15) { Tolerance = 1e-4 }.Input(TestTensors.Random(@base, seed, 1, 5, shapes.Left)).Input(TestTensors.Random(exponent, seed + 1, 0, 3, shapes.Right)).Output(@base));

    [Test]
    public void Remainders() => Property.Check(
        from type in Property.OneOf(ElementType.Int32, ElementType.Int64, ElementType.Int8, ElementType.UInt8, ElementType.Float32)
        from truncates in Gen.Bool
        from shapes in Pair
        from seed in Property.Numbers
        select new OperatorTester("Mod", 13).Input(TestTensors.Random(type, seed, type == ElementType.UInt8 ? 0 : -40, 40, shapes.Left)).Input(TestTensors.Random(type, seed + 1, 1, 9, shapes.Right))
            .Attribute("fmod", truncates || type == ElementType.Float32 ? 1 : 0).Output(type));

    [Test]
    public void Variadic() => Property.Check(
        from operatorType in Property.OneOf("Max", "Min", "Sum", "Mean")
        from shape in Property.Shape
        from others in Property.Broadcast(shape).Array[0, 3]
        from seed in Property.Numbers
        select Enumerable.Range(0, others.Length).Aggregate(new OperatorTester(operatorType, 13).Input(TestTensors.Floats(seed, shape)), (tester, i) => tester.Input(TestTensors.Floats(seed + 1 + i, others[i]))));

    [Test]
    public void Choices() => Property.Check(
        from type in Property.OneOf(ElementType.Float32, ElementType.Int64, ElementType.UInt8)
        from shape in Property.Shape
        from shapes in Property.Broadcast(shape).Array[3]
        from whole in Gen.Int[0, 2]
        from seed in Property.Numbers
        let full = shapes.Select((other, i) => i == whole ? shape : other).ToArray()
        select new OperatorTester("Where", 16).Input(TestTensors.Random(ElementType.Bool, seed, -1, 1, full[0])).Input(TestTensors.Random(type, seed + 1, 0, 9, full[1])).Input(TestTensors.Random(type, seed + 2, 0, 9, full[2])).Output(type));

    [Test]
    public void OneInput() => Property.Check(
        from operatorType in Property.OneOf("Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "HardSigmoid", "HardSwish", "LeakyRelu", "Neg", "Relu", "Round", "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Tanh", "Elu", "Selu", "Celu", "ThresholdedRelu")
        from shape in Property.Shape
        from seed in Property.Numbers
        from range in Property.OneOf(1.0, 6.0, 40.0)
        select new OperatorTester(operatorType, 14) { Tolerance = 2e-5 }.Input(TestTensors.Random(ElementType.Float32, seed, -range, range, shape)));

    [Test]
    public void Slopes() => Property.Check(
        from shape in Property.Shape
        from slopes in Property.Broadcast(shape)
        from seed in Property.Numbers
        select new OperatorTester("PRelu", 16).Input(TestTensors.Floats(seed, shape)).Input(TestTensors.Floats(seed + 1, slopes)));

    [Test]
    public void Limits() => Property.Check(
        from type in Property.OneOf(ElementType.Float32, ElementType.Int32, ElementType.Int64, ElementType.UInt8)
        from shape in Property.Shape
        from seed in Property.Numbers
        from hasLow in Gen.Bool
        from hasHigh in Gen.Bool
        select new OperatorTester("Clip", 13).Input(TestTensors.Random(type, seed, 0, 40, shape)).Input(hasLow ? TestTensors.Random(type, seed + 1, 5, 15) : null).Input(hasHigh ? TestTensors.Random(type, seed + 2, 10, 30) : null).Output(type));

    [Test]
    public void Casts() => Property.Check(
        from @from in Property.OneOf(ElementType.Float32, ElementType.Float64, ElementType.Int32, ElementType.Int64, ElementType.UInt8, ElementType.Int8, ElementType.Bool, ElementType.Float16, ElementType.Int16, ElementType.UInt16)
        from to in Property.OneOf(ElementType.Float32, ElementType.Float64, ElementType.Int32, ElementType.Int64, ElementType.UInt8, ElementType.Int8, ElementType.Bool, ElementType.Float16, ElementType.Int16, ElementType.UInt16)
        from shape in Property.Shape
        from seed in Property.Numbers
        // Within the range of all types: beyond it, the result is not defined.
        select new OperatorTester("Cast", 13).Input(TestTensors.Random(@from, seed, 0, 120, shape)).Attribute("to", (int)to).Output(to));

    private static Gen<(long[] Left, long[] Right)> Pair =>
        from shape in Property.Shape
        from left in Property.Broadcast(shape)
        from right in Property.Broadcast(shape)
        from whole in Gen.Int[0, 2]
        select (whole == 0 ? shape : left, whole == 1 ? shape : right);
}
