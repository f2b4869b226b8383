namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class GroupQueryAttentionTests
{
    [Test]
    public void Prompt([Values(0, 1)] int rotary, [Values(-1, 3)] int window, [Values] bool isPacked) =>
        Tester(isPacked, tokens: 6, past: 0, cache: 0).Attribute("do_rotary", rotary).Attribute("local_window_size", window).Check(constantsToo: false);

    [Test]
    public void NextToken([Values(0, 1)] int rotary, [Values(0, 1)] int interleaved, [Values(0, 4f)] float softCap) =>
        Tester(isPacked: false, tokens: 1, past: 5, cache: 5).Attribute("do_rotary", rotary).Attribute("rotary_interleaved", interleaved).Attribute("softcap", softCap).Check(constantsToo: false);

    [Test]
    public void CacheOfFixedLength([Values(0, 1)] int rotary, [Values(1, 3)] int tokens) =>
        Tester(isPacked: true, tokens, past: 4, cache: 9, isComparedWhole: false, items: tokens > 1 ? 1 : 2).Attribute("do_rotary", rotary).Check(constantsToo: false);

    [Test]
    public void Scale() => Tester(isPacked: false, tokens: 2, past: 3, cache: 3, items: 1).Attribute("scale", 0.1f).Check(constantsToo: false);

    [Test]
    public void Sinks([Values] bool isGiven, [Values(0, 4)] int past)
    {
        OperatorTester tester = Tester(isPacked: false, tokens: 3, past, past, items: 1).Input(null).Input(null);
        _ = isGiven ? tester.Input(TestTensors.Floats(8, 4)) : tester.Attribute("smooth_softmax", 1);
        tester.Check(constantsToo: false);
    }

    [Test]
    public void Bias([Values(0, 4)] int past) =>
        Tester(isPacked: false, tokens: 3, past, past, items: 1).Input(null).Input(TestTensors.Floats(8, 1, 4, 3, past + 3)).Check(constantsToo: false);

    [Test]
    public void Positions() =>
        Tester(isPacked: false, tokens: 1, past: 4, cache: 4).Input(TestTensors.Random(ElementType.Int64, 8, 0, 19, 2, 1)).Attribute("do_rotary", 1).Check(constantsToo: false);

    [Test]
    public void SequencesOfDifferentLengths([Values(0, 1)] int rotary, [Values(-1, 3)] int window) =>
        Tester(isPacked: false, tokens: 1, past: 5, cache: 8, secondPast: 3, isComparedWhole: false).Attribute("do_rotary", rotary).Attribute("local_window_size", window).Check(constantsToo: false);

    [Test]
    public void DifferentLengthsInAShortCache() =>
        Tester(isPacked: false, tokens: 1, past: 5, cache: 5, secondPast: 3, isComparedWhole: false).Attribute("do_rotary", 1).Check(constantsToo: false);

    [Test]
    public void NewKeysLieAtTheirOwnPositions([Values(5, 8)] int cache)
    {
        RunResult result = Tester(isPacked: false, tokens: 1, past: 5, cache, secondPast: 3).RunAll();
        float[] now = TestTensors.Floats(2, 2, 1, 32).Span<float>().ToArray();
        float[] before = TestTensors.Floats(4, 2, 2, cache, 16).Span<float>().ToArray();
        float[] present = result["o1"].Span<float>().ToArray();
        int length = Math.Max(cache, 6);
        Assert.That(present, Has.Length.EqualTo(2 * 2 * length * 16));
        for (int i = 0; i < present.Length; i++)
        {
            (int item, int group, int position, int element) = (i / (2 * length * 16), i / (length * 16) % 2, i / 16 % length, i % 16);
            float expected = position == (item == 0 ? 5 : 3) ? now[item * 32 + group * 16 + element] : position < cache ? before[((item * 2 + group) * cache + position) * 16 + element] : 0;
            Assert.That(present[i], Is.EqualTo(expected), $"item {item}, head {group}, position {position}");
        }
    }

    [Test]
    public void WrongInputs()
    {
        Tester(isPacked: false, tokens: 1, past: 5, cache: 4).Fails<InvalidGraphException>();
        Tester(isPacked: false, tokens: 4, past: 3, cache: 8, secondPast: -2).Fails<InvalidGraphException>();
        Tester(isPacked: false, tokens: 4, past: -1, cache: 8).Fails<InvalidGraphException>();
        Tester(isPacked: false, tokens: 1, past: 5, cache: 8).Attribute("k_quant_type", "PER_TENSOR").Fails<UnsupportedOperatorException>();
        Tester(isPacked: false, tokens: 1, past: 5, cache: 8).Attribute("kv_cache_bit_width", 8).Fails<UnsupportedOperatorException>();
    }

    private static OperatorTester Tester(bool isPacked, long tokens, long past, long cache, long? secondPast = null, bool isComparedWhole = true, long items = 2)
    {
        // What lies behind the end of a sequence in the cache is nobody's.
        OperatorTester tester = new OperatorTester("GroupQueryAttention", 17, "com.microsoft") { ComparedOutputs = isComparedWhole ? 3 : 1 }.Attribute("num_heads", 4).Attribute("kv_num_heads", 2);
        _ = isPacked
            ? tester.Input(TestTensors.Floats(1, items, tokens, 128)).Input(null).Input(null)
            : tester.Input(TestTensors.Floats(1, items, tokens, 64)).Input(TestTensors.Floats(2, items, tokens, 32)).Input(TestTensors.Floats(3, items, tokens, 32));
        _ = cache > 0 ? tester.Input(TestTensors.Floats(4, items, 2, cache, 16)).Input(TestTensors.Floats(5, items, 2, cache, 16)) : tester.Input(null).Input(null);
        int last = (int)(past + tokens - 1);
        return tester.Input(TensorBuffer.Create<int>(items == 1 ? [last] : [last, (int)((secondPast ?? past) + tokens - 1)], items)).Input(TensorBuffer.Create<int>([last + 1])).Input(TestTensors.Floats(6, 20, 8)).Input(TestTensors.Floats(7, 20, 8))
            .Output(ElementType.Float32).Output(ElementType.Float32).Output(ElementType.Float32);
    }

    // Found by mutated models: lengths without a number, and a rank that was not looked at.
    [TestCase(0, 4)]
    [TestCase(1, 2)]
    public void WrongInputs(long lengths, int rank)
    {
        TensorBuffer before = TestTensors.Floats(4, rank == 4 ? [2, 2, 3, 8] : [2, 2]);
        new OperatorTester("GroupQueryAttention", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 3, 32)).Input(TestTensors.Floats(2, 2, 3, 16)).Input(TestTensors.Floats(3, 2, 3, 16)).Input(before).Input(before)
            .Input(TensorBuffer.Create<int>([2, 2], 2)).Input(TestTensors.Random(ElementType.Int32, 5, 3, 3, lengths)).Attribute("num_heads", 4).Attribute("kv_num_heads", 2).Fails<InvalidGraphException>();
    }
}
