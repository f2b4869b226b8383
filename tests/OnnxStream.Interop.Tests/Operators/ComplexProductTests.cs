using System.Numerics;

namespace OnnxStream.Interop.Tests.Operators;

// ONNX Runtime has the operators on graphics processors only.
[NativeMemoryLeakCheck]
public class ComplexProductTests
{
    [Test]
    public void Multiplies([Values("ComplexMul", "ComplexMulConj")] string operatorType, [Values(ElementType.Float32, ElementType.Float64)] ElementType type) =>
        new OperatorTester(operatorType, 17, "com.microsoft").Input(TestTensors.Random(type, 1, -2, 2, 3, 4, 2)).Input(TestTensors.Random(type, 2, -2, 2, 4, 2)).Output(type).CheckAgainst(inputs =>
        {
            Complex[][] numbers = [.. inputs.Select(input => TestTensors.ToDoubles(input).Chunk(2).Select(pair => new Complex(pair[0], pair[1])).ToArray())];
            return [TestTensors.FromDoubles(type, [.. numbers[0].Select((a, i) => a * (operatorType == "ComplexMul" ? numbers[1][i % 4] : Complex.Conjugate(numbers[1][i % 4]))).SelectMany(c => new[] { c.Real, c.Imaginary })], 3, 4, 2)];
        });

    [Test]
    public void NoParts() => new OperatorTester("ComplexMul", 17, "com.microsoft").Input(TestTensors.Floats(1, 3, 3)).Input(TestTensors.Floats(2, 3, 3)).Fails<InvalidGraphException>();
}
