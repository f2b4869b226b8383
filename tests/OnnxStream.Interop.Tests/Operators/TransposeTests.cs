namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class TransposeTests
{
    private static readonly ElementType[] s_types = [ElementType.UInt8, ElementType.Int16, ElementType.Float32, ElementType.Int64];

    // Smaller than a block, as large as one, as a tile and as a part, and one more or less.
    [Test]
    public void Matrices([ValueSource(nameof(s_types))] ElementType type, [Values(1, 2, 3, 7, 8, 15, 16, 17, 63, 64, 65, 130)] int rows)
    {
        foreach (int columns in (int[])[1, 2, 3, 4, 8, 9, 16, 31, 64, 67, 129, 300])
        {
            Check(type, [1, 0], rows, columns);
        }
    }

    [Test]
    public void Dimensions([ValueSource(nameof(s_types))] ElementType type)
    {
        Check(type, [0, 2, 3, 1], 2, 5, 33, 20);
        Check(type, [0, 3, 1, 2], 2, 33, 20, 3);
        Check(type, [2, 1, 0], 70, 3, 90);
        Check(type, [1, 2, 0], 17, 9, 40);
        Check(type, [0, 2, 1, 3], 3, 20, 4, 5);
        Check(type, [0, 3, 1, 4, 2, 5], 2, 3, 4, 5, 6, 7);
        Check(type, [6, 4, 2, 0, 1, 3, 5], 2, 3, 4, 2, 5, 2, 3);
        Check(type, [2, 0, 1], 4, 0, 6);
    }

    // Small matrices are turned where they lie, unless rows or columns share places of the cache, and large ones in tiles.
    [TestCase(131, 67)]
    [TestCase(64, 515)]
    [TestCase(515, 128)]
    [TestCase(384, 512)]
    [TestCase(701, 389)]
    public void LargeMatrices(long rows, long columns)
    {
        foreach (ElementType type in (ElementType[])[ElementType.UInt8, ElementType.Float16, ElementType.Float32, ElementType.Float64])
        {
            Check(type, [0, 2, 1], 2, rows, columns);
        }
    }

    private static void Check(ElementType type, int[] permutation, params long[] shape)
    {
        TensorBuffer input = TestTensors.Random(type, 1, 0, 100, shape);
        for (int threads = 1; threads <= 3; threads += 2)
        {
            new OperatorTester("Transpose", 13).Input(input).Attribute("perm", permutation).Output(type).CheckOnce(asConstants: false, threads);
        }
    }
}
