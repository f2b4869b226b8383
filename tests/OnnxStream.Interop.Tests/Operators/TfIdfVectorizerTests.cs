namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class TfIdfVectorizerTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values("TF", "IDF", "TFIDF")] string mode, [Values(0, 2)] int skips, [Values(1, 2)] int shortest, [Values(ElementType.Int32, ElementType.Int64)] ElementType type) =>
        Tester(mode, skips, shortest, type).Check();

    [Test]
    public void WrongAttributes() => Tester("TF", 0, 3, ElementType.Int64).Fails<InvalidGraphException>();

    // Found by mutated models: a loop up to the largest number never ended.
    [Test]
    public void LimitsWithoutEnd() =>
        TestTensors.AssertClose(Tester("TF", int.MaxValue, 1, ElementType.Int64, int.MaxValue).Run(), Tester("TF", 12, 1, ElementType.Int64).Run(), 0, "TfIdfVectorizer");

    private static OperatorTester Tester(string mode, int skips, int shortest, ElementType type, int longest = 2) =>
        new OperatorTester("TfIdfVectorizer", 9).Input(TestTensors.Random(type, 1, 1, 4, 3, 12)).Attribute("mode", mode).Attribute("min_gram_length", shortest).Attribute("max_gram_length", longest).Attribute("max_skip_count", skips)
            .Attribute("ngram_counts", new[] { 0, 3 }).Attribute("ngram_indexes", new[] { 5, 0, 1, 4, 3, 2 }).Attribute("pool_int64s", new[] { 1, 2, 3, 1, 2, 3, 3, 2, 4 }).Attribute("weights", new[] { 0.5f, 1, 2, 3, 4, 5 });
}
