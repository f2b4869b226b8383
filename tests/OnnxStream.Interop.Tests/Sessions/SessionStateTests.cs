using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Planning;

namespace OnnxStream.Interop.Tests.Sessions;

/// <summary>Tensors that are carried from run to run give what feeding outputs to inputs gives, and stay where they are.</summary>
[NativeMemoryLeakCheck]
public class SessionStateTests
{
    private const int Heads = 2;
    private const int HeadSize = 8;
    private const int Hidden = Heads * HeadSize;

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void ALongShortTermMemoryCarriesItsState([Values(1, 2)] int threads)
    {
        Model model = LongShortTermMemory();
        using InferenceSession plain = new(model, new SessionOptions { ThreadCount = threads });
        using InferenceSession session = new(model, new SessionOptions { ThreadCount = threads, StateBindings = [new("hn", "h"), new("cn", "c")] });
        using SessionState state = session.CreateState();
        TensorBuffer hidden = new(ElementType.Float32, new Shape(1, 1, Hidden));
        TensorBuffer cell = new(ElementType.Float32, new Shape(1, 1, Hidden));
        for (int i = 0; i < 5; i++)
        {
            TensorBuffer frame = TestTensors.Floats(i, 3, 1, 4);
            RunResult expected = plain.Run(new Dictionary<string, TensorBuffer> { ["x"] = frame, ["h"] = hidden, ["c"] = cell });
            RunResult actual = session.Run(new Dictionary<string, TensorBuffer> { ["x"] = frame }, state);
            (hidden, cell) = (expected["hn"], expected["cn"]);
            Assert.That(actual.Outputs.Keys, Is.EqualTo(new[] { "y" }));
            Assert.That(actual["y"].Bytes.SequenceEqual(expected["y"].Bytes), Is.True);
            Assert.That(state.Read("h").Bytes.SequenceEqual(hidden.Bytes), Is.True);
            Assert.That(state.Read("c").Bytes.SequenceEqual(cell.Bytes), Is.True);
        }

        Assert.That(session.PlansMade, Is.EqualTo(1));
    }

    // Found by mutated files: the memory of such a tensor is the caller's, or what control flow has made, not the state's.
    [Test]
    public void AnOutputThatIsAnInputOfTheCallerOrMadeByControlFlow([Values] bool isRead)
    {
        GraphProto body = new ModelBuilder(17).Input("i", ElementType.Int64).Input("c", ElementType.Bool).Input("v", ElementType.Float32, 2)
            .Node("Add", "v v", "w").Node("Identity", "c", "d").Output("d", ElementType.Bool).Output("w").Graph;
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 2).Input("h", ElementType.Float32, 2).Input("g", ElementType.Float32, 2)
            .Initializer("three", TensorBuffer.Create<long>([3])).Initializer("yes", TensorBuffer.Create<bool>([true])).Node("Add", "x g", "xg").Node("Loop", "three yes xg", "made", ("body", body));
        builder = isRead ? builder.Node("Add", "made h", "m").Node("Add", "m x", "y") : builder.Node("Add", "h g", "y");
        using InferenceSession session = new(Load(builder.Output("x").Output("made").Output("y")), new SessionOptions { StateBindings = [new("x", "h"), new("made", "g")] });
        using SessionState state = session.CreateState();
        (float h, float g) = (0, 0);
        for (int i = 1; i <= 3; i++)
        {
            float made = 8 * (i + g);
            float y = session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TensorBuffer.Create<float>([i, i], 2) }, state)["y"].Span<float>()[0];
            Assert.That(y, Is.EqualTo(isRead ? made + h + i : h + g));
            (h, g) = (i, made);
            Assert.That(state.Read("h").Span<float>()[1], Is.EqualTo(h));
            Assert.That(state.Read("g").Span<float>()[1], Is.EqualTo(g));
        }
    }

    [Test]
    public void ADecoderGrowsItsCache([Values(1, 2)] int threads, [Values] bool rewrites)
    {
        Model model = Decoder();
        using InferenceSession plain = new(model, new SessionOptions { ThreadCount = threads, RewriteGraph = rewrites });
        using InferenceSession session = new(model, new SessionOptions { ThreadCount = threads, RewriteGraph = rewrites, StateBindings = DecoderBindings(12) });
        using SessionState state = session.CreateState();
        TensorBuffer[] cache = [Empty(), Empty()];
        foreach (int length in (int[])[5, 1, 1, 2, 1])
        {
            TensorBuffer tokens = TestTensors.Floats(length + 7, 1, length, Hidden);
            RunResult expected = plain.Run(new Dictionary<string, TensorBuffer> { ["x"] = tokens, ["past.key"] = cache[0], ["past.value"] = cache[1] });
            RunResult actual = session.Run(new Dictionary<string, TensorBuffer> { ["x"] = tokens }, state);
            cache = [expected["present.key"], expected["present.value"]];
            Assert.That(actual["y"].Span<float>().ToArray(), Is.EqualTo(expected["y"].Span<float>().ToArray()).Within(1e-4f));
            Assert.That(state.TypeOf("past.key"), Is.EqualTo(cache[0].Type));
            Assert.That(state.Read("past.key").Bytes.SequenceEqual(cache[0].Bytes), Is.True);
            Assert.That(state.Read("past.value").Bytes.SequenceEqual(cache[1].Bytes), Is.True);
        }
    }

    [Test]
    public void ACacheThatGrowsIsPlannedOnce([Values(1, 2)] int threads, [Values] bool rewrites)
    {
        Model model = Decoder();
        using InferenceSession plain = new(model, new SessionOptions { ThreadCount = threads, RewriteGraph = rewrites });
        using InferenceSession session = new(model, new SessionOptions { ThreadCount = threads, RewriteGraph = rewrites, StateBindings = DecoderBindings(40) });
        using SessionState state = session.CreateState();
        TensorBuffer[] cache = [Empty(), Empty()];
        foreach (int length in (int[])[3, .. Enumerable.Repeat(1, 37)])
        {
            TensorBuffer tokens = TestTensors.Floats(length + 7, 1, length, Hidden);
            RunResult expected = plain.Run(new Dictionary<string, TensorBuffer> { ["x"] = tokens, ["past.key"] = cache[0], ["past.value"] = cache[1] });
            cache = [expected["present.key"], expected["present.value"]];
            Assert.That(session.Run(Tokens(tokens), state)["y"].Span<float>().ToArray(), Is.EqualTo(expected["y"].Span<float>().ToArray()).Within(1e-4f));
            Assert.That(state.Read("past.value").Bytes.SequenceEqual(cache[1].Bytes), Is.True);
        }

        // One for the prompt, and one for all tokens after it.
        Assert.That(session.PlansMade, Is.EqualTo(2));
        state.Truncate(5);
        session.Run(Tokens(TestTensors.Floats(1, 1, 1, Hidden)), state);
        Assert.That(session.PlansMade, Is.EqualTo(2));
    }

    // As many tokens as the cache has: only its name tells the tokens' dimension from that of the cache.
    [Test]
    public void AsManyTokensAsTheCacheHas([Values(1, 3)] int length)
    {
        using InferenceSession session = new(Decoder(hasMask: true), new SessionOptions { StateBindings = DecoderBindings(40) });
        using SessionState state = session.CreateState();
        for (int i = 0; i < 4; i++)
        {
            for (int past = (int)state.TypeOf("past.key").Shape[2]; past <= 3 * length; past += length)
            {
                Dictionary<string, TensorBuffer> inputs = Tokens(TestTensors.Floats(past, 1, length, Hidden));
                inputs["mask"] = new TensorBuffer(ElementType.Float32, new Shape(1, past + length));
                session.Run(inputs, state);
            }

            state.Truncate(length);
        }

        // One for the first tokens, and one for all after them.
        Assert.That(session.PlansMade, Is.EqualTo(2));
    }

    [Test]
    public void AttentionReadsAndExtendsACacheWhereItIs(
        [Values(1, 2)] int threads, [Values("products", "scaled queries", "two biases", "Attention", "Attention of tokens", "GroupQueryAttention")] string form, [Values(1, 3)] int group, [Values(8, 5)] int size)
    {
        Model model = Load(CacheUser(form, group, size));
        Dictionary<string, TensorBuffer> Inputs(int seed, int length, int past, TensorBuffer[] cache)
        {
            Dictionary<string, TensorBuffer> inputs = new()
            {
                ["q"] = TestTensors.Floats(seed, 1, 2 * group, length, size),
                ["k"] = TestTensors.Floats(seed + 1, 1, 2, length, size),
                ["v"] = TestTensors.Floats(seed + 2, 1, 2, length, size + 1),
            };
            if (form == "GroupQueryAttention")
            {
                inputs["v"] = TestTensors.Floats(seed + 2, 1, 2, length, size);
            }

            if (form == "two biases")
            {
                inputs["mask"] = TestTensors.Floats(seed + 3, 1, 1, length, past + length);
            }

            for (int i = 0; i < cache.Length; i++)
            {
                inputs[i == 0 ? "past.key" : "past.value"] = cache[i];
            }

            return inputs;
        }

        int valueSize = form == "GroupQueryAttention" ? size : size + 1;
        StateBinding[] bindings = [new("present.key", "past.key") { Axis = 2, Capacity = 20 }, new("present.value", "past.value") { Axis = 2, Capacity = 30 }];
        using InferenceSession plain = new(model, new SessionOptions { ThreadCount = threads });
        using InferenceSession session = new(model, new SessionOptions { ThreadCount = threads, StateBindings = bindings });
        using InferenceSession planned = new(model, new SessionOptions { ThreadCount = threads, PlanOnly = true, StateBindings = bindings });
        using SessionState state = session.CreateState();
        TensorBuffer[] start = [new(ElementType.Float32, new Shape(1, 2, 0, size)), new(ElementType.Float32, new Shape(1, 2, 0, valueSize))];
        for (int repetition = 0; repetition < 2; repetition++)
        {
            TensorBuffer[] cache = start;
            int past = 0;
            int seed = 1;
            foreach (int length in (int[])[4, 1, 1, 3, 1, 2, 1, 1])
            {
                RunResult expected = plain.Run(Inputs(seed, length, past, cache));
                RunResult actual = session.Run(Inputs(seed, length, past, []), state);
                if (past > 0)
                {
                    Assert.That(planned.Plan(Inputs(seed, length, past, cache).ToDictionary(input => input.Key, input => input.Value.Type)).Steps.Count(step => step.KernelName == "cached attention"), Is.EqualTo(1));
                }

                cache = [expected["present.key"], expected["present.value"]];
                past += length;
                seed += 10;
                Assert.That(actual["y"].Span<float>().ToArray(), Is.EqualTo(expected["y"].Span<float>().ToArray()).Within(1e-5f));
                Assert.That(state.Read("past.key").Bytes.SequenceEqual(cache[0].Bytes), Is.True);
                Assert.That(state.Read("past.value").Bytes.SequenceEqual(cache[1].Bytes), Is.True);
                Assert.That(actual.Statistics.PlansMade, repetition == 0 ? Is.LessThanOrEqualTo(1) : Is.Zero);
            }

            Assert.That(session.PlansMade, Is.EqualTo(4));

            // What was extended where it is can be cut and goes on, and an empty cache is read as it was at first.
            state.Truncate(6);
            RunResult shorter = plain.Run(Inputs(500, 1, 6, [First(cache[0], 6), First(cache[1], 6)]));
            Assert.That(session.Run(Inputs(500, 1, 6, []), state)["y"].Span<float>().ToArray(), Is.EqualTo(shorter["y"].Span<float>().ToArray()).Within(1e-5f));
            state.Write("past.key", First(cache[0], 5));
            state.Write("past.value", First(cache[1], 5));
            RunResult written = plain.Run(Inputs(600, 1, 5, [First(cache[0], 5), First(cache[1], 5)]));
            Assert.That(session.Run(Inputs(600, 1, 5, []), state)["y"].Span<float>().ToArray(), Is.EqualTo(written["y"].Span<float>().ToArray()).Within(1e-5f));
            state.Reset();
        }
    }

    // Rounded keys and values are given to both, so that nothing else differs.
    [Test]
    public void ACacheInFewerBitsIsReadAndExtendedWhereItIs(
        [Values(ElementType.Float16, ElementType.Int8)] ElementType stored, [Values(1, 2)] int threads, [Values("two biases", "Attention of tokens", "GroupQueryAttention")] string form,
        [Values(1, 3)] int group, [Values(5, 40)] int size, [Values] bool rewrites)
    {
        Model model = Load(CacheUser(form, group, size));
        int valueSize = form == "GroupQueryAttention" ? size : size + 1;
        StateBinding[] bindings = [new("present.key", "past.key") { Axis = 2, Capacity = 20, StoredElementType = stored }, new("present.value", "past.value") { Axis = 2, Capacity = 30, StoredElementType = stored }];
        using InferenceSession plain = new(model, new SessionOptions { ThreadCount = threads });
        using InferenceSession session = new(model, new SessionOptions { ThreadCount = threads, StateBindings = bindings, RewriteGraph = rewrites });
        using SessionState state = session.CreateState();
        using SessionState rounding = session.CreateState();
        TensorBuffer[] cache = [new(ElementType.Float32, new Shape(1, 2, 0, size)), new(ElementType.Float32, new Shape(1, 2, 0, valueSize))];
        int past = 0;
        foreach (int length in (int[])[4, 1, 1, 9, 1, 2, 1])
        {
            Dictionary<string, TensorBuffer> inputs = new()
            {
                ["q"] = TestTensors.Floats(past, 1, 2 * group, length, size),
                ["k"] = Rounded("past.key", TestTensors.Floats(past + 1, 1, 2, length, size)),
                ["v"] = Rounded("past.value", TestTensors.Floats(past + 2, 1, 2, length, valueSize)),
            };
            if (form == "two biases")
            {
                inputs["mask"] = TestTensors.Floats(past + 3, 1, 1, length, past + length);
            }

            RunResult expected = plain.Run(new Dictionary<string, TensorBuffer>(inputs) { ["past.key"] = cache[0], ["past.value"] = cache[1] });
            RunResult actual = session.Run(inputs, state);
            cache = [expected["present.key"], expected["present.value"]];
            past += length;
            Assert.That(actual["y"].Span<float>().ToArray(), Is.EqualTo(expected["y"].Span<float>().ToArray()).Within(1e-4f));
            Assert.That(state.Read("past.key").Bytes.SequenceEqual(cache[0].Bytes), Is.True);
            Assert.That(state.Read("past.value").Bytes.SequenceEqual(cache[1].Bytes), Is.True);
        }

        // What is read as it is kept can be written to another state.
        Assert.That(state.TypeOf("past.key"), Is.EqualTo(cache[0].Type));
        byte[] bytes = state.ReadStored("past.value");
        Assert.That(bytes, Has.Length.EqualTo(2 * past * (stored == ElementType.Float16 ? 2 * valueSize : valueSize + (valueSize + 31) / 32 * 2)));
        Assert.That(bytes, Has.Length.EqualTo(state.StoredLength("past.value", cache[1].Shape)));
        rounding.WriteStored("past.value", cache[1].Shape, bytes);
        Assert.That(rounding.Read("past.value").Bytes.SequenceEqual(cache[1].Bytes), Is.True);
        Assert.Throws<InvalidInputException>(() => rounding.WriteStored("past.value", cache[1].Shape, bytes.AsMemory(1)));
        state.Truncate(6);
        Assert.That(state.Read("past.key").Bytes.SequenceEqual(First(cache[0], 6).Bytes), Is.True);

        TensorBuffer Rounded(string input, TensorBuffer tensor)
        {
            rounding.Write(input, tensor);
            return rounding.Read(input);
        }
    }

    [Test]
    public void ACacheInFewerBitsCountsAsItIsKept([Values(ElementType.Float16, ElementType.Int8)] ElementType stored)
    {
        long Bytes(ElementType? type)
        {
            StateBinding[] bindings = [.. DecoderBindings(1000).Select(binding => binding with { StoredElementType = type })];
            using InferenceSession planned = new(Decoder(), new SessionOptions { ThreadCount = 1, PlanOnly = true, StateBindings = bindings });
            return planned.Plan(Types(1, 4)).TensorBytes;
        }

        // Two blocks for keys and two for values.
        long row = stored == ElementType.Float16 ? HeadSize * 2 : HeadSize + 2;
        Assert.That(Bytes(null) - Bytes(stored), Is.EqualTo(4 * 1000 * Heads * (HeadSize * sizeof(float) - row)));
        Assert.That(Bytes(ElementType.Float32), Is.EqualTo(Bytes(null)));
    }

    [Test]
    public void ADecoderAsOnnxRuntimeGenAiWritesIt([Values(1, 2)] int threads, [Values(1, 3)] int step)
    {
        // Weights of 4 bits, queries, keys and values in one tensor, rotary embedding, and lengths that are counted in a mask.
        const int Size = 256, Heads = 4, Groups = 2, HeadSize = 64, Vocabulary = 300;
        ModelBuilder builder = new ModelBuilder(21, "com.microsoft").Input("ids", ElementType.Int64, 1, -1).Input("mask", ElementType.Int64, 1, -1).Output("logits");
        builder.Initializer("one", TensorBuffer.Create<long>([1], 1)).Initializer("index", TensorBuffer.Create<long>([1]))
            .Node("ReduceSum", "mask one", "count", ("keepdims", 0)).Node("Sub", "count one", "last.long").Node("Cast", "last.long", "last", ("to", (long)ElementType.Int32))
            .Node("Shape", "mask", "mask.shape").Node("Gather", "mask.shape index", "total.long").Node("Cast", "total.long", "total", ("to", (long)ElementType.Int32))
            .Initializer("embedding", TestTensors.Random(ElementType.UInt8, 1, 0, 255, Vocabulary, Size / 2)).Initializer("embedding.scales", TestTensors.Random(ElementType.Float32, 2, 0.1, 0.2, Vocabulary, Size / 32))
            .Node("com.microsoft", "GatherBlockQuantized", "embedding ids embedding.scales", "x0", ("bits", 4), ("block_size", 32))
            .Initializer("cos", TestTensors.Random(ElementType.Float32, 3, -1, 1, 64, HeadSize / 2)).Initializer("sin", TestTensors.Random(ElementType.Float32, 4, -1, 1, 64, HeadSize / 2));
        List<StateBinding> bindings = [];
        for (int layer = 0; layer < 2; layer++)
        {
            Multiply($"x{layer}", $"qkv{layer}", Size, (Heads + 2 * Groups) * HeadSize, 10 * layer);
            (string keys, string values) = ($"{layer}.key", $"{layer}.value");
            foreach (string name in (string[])[keys, values])
            {
                builder.Input($"past.{name}", ElementType.Float32, 1, Groups, -1, HeadSize).Output($"present.{name}");
                bindings.Add(new StateBinding($"present.{name}", $"past.{name}") { Axis = 2, Capacity = 40 });
            }

            builder.Node("com.microsoft", "GroupQueryAttention", $"qkv{layer} - - past.{keys} past.{values} last total cos sin", $"a{layer} present.{keys} present.{values}", ("num_heads", Heads), ("kv_num_heads", Groups), ("do_rotary", 1));
            Multiply($"a{layer}", $"o{layer}", Size, Size, 10 * layer + 5);
            builder.Node("Add", $"x{layer} o{layer}", $"x{layer + 1}");
        }

        Multiply("x2", "logits", Size, Vocabulary, 50);
        Model model = Load(builder);
        using InferenceSession plain = new(model, new SessionOptions { ThreadCount = threads });
        using InferenceSession session = new(model, new SessionOptions { ThreadCount = threads, StateBindings = bindings });
        using SessionState state = session.CreateState();
        Dictionary<string, TensorBuffer> cache = bindings.ToDictionary(binding => binding.Input, _ => new TensorBuffer(ElementType.Float32, new Shape(1, Groups, 0, HeadSize)));
        int past = 0;
        foreach (int length in (int[])[9, .. Enumerable.Repeat(step, 8)])
        {
            Dictionary<string, TensorBuffer> inputs = new() { ["ids"] = TestTensors.Random(ElementType.Int64, past, 0, Vocabulary, 1, length), ["mask"] = TestTensors.Random(ElementType.Int64, 1, 1, 1, 1, past += length) };
            RunResult expected = plain.Run(new Dictionary<string, TensorBuffer>(inputs.Concat(cache)));
            TestTensors.AssertClose(session.Run(inputs, state)["logits"], expected["logits"], 1e-5, $"after {past}");
            cache = bindings.ToDictionary(binding => binding.Input, binding => expected[binding.Output]);
        }

        Assert.That(session.PlansMade, Is.EqualTo(2));

        void Multiply(string from, string to, int inputs, int outputs, int seed) =>
            builder.Initializer($"{to}.weight", TestTensors.Random(ElementType.UInt8, seed, 0, 255, outputs, inputs / 32, 16)).Initializer($"{to}.scales", TestTensors.Random(ElementType.Float32, seed + 1, 0.005, 0.01, outputs * inputs / 32))
                .Node("com.microsoft", "MatMulNBits", $"{from} {to}.weight {to}.scales", to, ("K", inputs), ("N", outputs), ("bits", 4), ("block_size", 32));
    }

    [Test]
    public void GoingOnTakesNoMemory()
    {
        using InferenceSession session = new(Decoder(), new SessionOptions { ThreadCount = 1, StateBindings = DecoderBindings(50) });
        using SessionState state = session.CreateState();
        session.Run(Tokens(TestTensors.Floats(1, 1, 3, Hidden)), state);
        session.Run(Tokens(TestTensors.Floats(1, 1, 1, Hidden)), state);
        long peak = session.Run(Tokens(TestTensors.Floats(1, 1, 1, Hidden)), state).Statistics.PeakNativeBytes;
        for (int i = 0; i < 40; i++)
        {
            RunStatistics statistics = session.Run(Tokens(TestTensors.Floats(1, 1, 1, Hidden)), state).Statistics;
            Assert.That((statistics.PlansMade, statistics.PeakNativeBytes), Is.EqualTo((0, peak)));
        }
    }

    [Test]
    public void StatesOfOneSessionAreApart()
    {
        using InferenceSession session = new(Decoder(), new SessionOptions { ThreadCount = 1, StateBindings = DecoderBindings(8) });
        using SessionState first = session.CreateState();
        using SessionState second = session.CreateState();
        TensorBuffer a = TestTensors.Floats(1, 1, 3, Hidden);
        TensorBuffer b = TestTensors.Floats(2, 1, 3, Hidden);
        TensorBuffer next = TestTensors.Floats(3, 1, 1, Hidden);
        session.Run(Tokens(a), first);
        session.Run(Tokens(b), second);
        byte[] afterA = session.Run(Tokens(next), first)["y"].Bytes.ToArray();
        byte[] afterB = session.Run(Tokens(next), second)["y"].Bytes.ToArray();
        Assert.That(afterB, Is.Not.EqualTo(afterA));
        first.Reset();
        session.Run(Tokens(a), first);
        Assert.That(session.Run(Tokens(next), first)["y"].Bytes.SequenceEqual(afterA), Is.True);
    }

    [Test]
    public void ATruncatedCacheGoesOnFromThere()
    {
        using InferenceSession session = new(Decoder(), new SessionOptions { ThreadCount = 1, StateBindings = DecoderBindings(8) });
        using SessionState state = session.CreateState();
        session.Run(Tokens(TestTensors.Floats(1, 1, 3, Hidden)), state);
        TensorBuffer next = TestTensors.Floats(3, 1, 1, Hidden);
        byte[] expected = session.Run(Tokens(next), state)["y"].Bytes.ToArray();
        session.Run(Tokens(TestTensors.Floats(4, 1, 2, Hidden)), state);
        state.Truncate(3);
        Assert.That(state.TypeOf("past.key").Shape, Is.EqualTo(new Shape(1, Heads, 3, HeadSize)));
        Assert.That(session.Run(Tokens(next), state)["y"].Bytes.SequenceEqual(expected), Is.True);
    }

    [Test]
    public void AWindowSlides([Values(0, 2)] int axis)
    {
        // The frames so far are put in front of the new ones.
        ModelBuilder builder = new ModelBuilder(17)
            .Input("frames", ElementType.Float32, axis == 0 ? -1 : 2, 3, axis == 2 ? -1 : 2).Input("past", ElementType.Float32, axis == 0 ? -1 : 2, 3, axis == 2 ? -1 : 2)
            .Output("present").Output("sum")
            .Node("Concat", "past frames", "present", ("axis", (long)axis))
            .Node("ReduceSum", "present", "sum", ("keepdims", 0L));
        using InferenceSession session = new(Load(builder), new SessionOptions { ThreadCount = 1, StateBindings = [new("present", "past") { Axis = axis, Capacity = 6, Window = 4 }] });
        using SessionState state = session.CreateState();
        List<float[]> entries = [];
        for (int i = 0; i < 6; i++)
        {
            Shape shape = new Shape(2, 3, 2).With(axis, 2);
            TensorBuffer frames = TestTensors.Floats(i, shape.ToArray());
            entries.AddRange(Enumerable.Range(0, 2).Select(k => Entry(frames, axis, k)));
            float sum = session.Run(new Dictionary<string, TensorBuffer> { ["frames"] = frames }, state)["sum"].Span<float>()[0];
            Assert.That(sum, Is.EqualTo(entries.TakeLast(6).Sum(entry => entry.Sum())).Within(1e-4));
            TensorBuffer kept = state.Read("past");
            Assert.That(kept.Shape[axis], Is.EqualTo(Math.Min(4, entries.Count)));
            Assert.That(Enumerable.Range(0, (int)kept.Shape[axis]).Select(k => Entry(kept, axis, k)), Is.EqualTo(entries.TakeLast(4)));
        }
    }

    [Test]
    public void AFailedRunLeavesTheStateAsItWas()
    {
        using InferenceSession session = new(Decoder(), new SessionOptions { ThreadCount = 1, StateBindings = DecoderBindings(8) });
        using SessionState state = session.CreateState();
        session.Run(Tokens(TestTensors.Floats(1, 1, 3, Hidden)), state);
        byte[] before = state.Read("past.key").Bytes.ToArray();
        using CancellationTokenSource source = new();
        RunOptions cancels = new() { Progress = new SynchronousProgress(progress =>
        {
            if (progress.Step == progress.StepCount - 2)
            {
                source.Cancel();
            }
        }) };
        Assert.Throws<OperationCanceledException>(() => session.Run(Tokens(TestTensors.Floats(2, 1, 1, Hidden)), state, cancels, source.Token));
        InvalidInputException full = Assert.Throws<InvalidInputException>(() => session.Run(Tokens(TestTensors.Floats(2, 1, 6, Hidden)), state))!;
        Assert.That(full.Message, Does.Contain("9 long").And.Contain("capacity is 8").And.Contain("past.key"));
        Assert.That(state.Read("past.key").Bytes.SequenceEqual(before), Is.True);
        session.Run(Tokens(TestTensors.Floats(2, 1, 5, Hidden)), state);
        Assert.That(state.TypeOf("past.key").Shape[2], Is.EqualTo(8));
    }

    [Test]
    public void AStateCountsInTheBudget()
    {
        long Smallest(long capacity)
        {
            using InferenceSession planned = new(Decoder(), new SessionOptions { ThreadCount = 1, PlanOnly = true, StateBindings = DecoderBindings(capacity) });
            return Math.Max(planned.Plan(Types(4, 0)).SmallestBudgetBytes, planned.Plan(Types(1, 4)).SmallestBudgetBytes);
        }

        long entry = Heads * HeadSize * sizeof(float);
        // Two blocks for keys and for values; what is computed of them is planned at the capacity, too.
        Assert.That(Smallest(1000) - Smallest(10), Is.InRange(2 * 2 * 990 * entry, 5 * 2 * 990 * entry));
        long budget = Smallest(1000);
        using InferenceSession session = new(Decoder(), new SessionOptions { ThreadCount = 1, MemoryBudget = budget, StateBindings = DecoderBindings(1000) });
        using SessionState state = session.CreateState();
        session.Run(Tokens(TestTensors.Floats(1, 1, 4, Hidden)), state);
        RunResult result = session.Run(Tokens(TestTensors.Floats(1, 1, 1, Hidden)), state);
        Assert.That(result.Statistics.PeakNativeBytes, Is.LessThanOrEqualTo(budget));
        MemoryBudgetException exception = Assert.Throws<MemoryBudgetException>(() => Enumerable.Range(0, 10).ToList().ForEach(_ => session.CreateState()))!;
        Assert.That(exception.BudgetBytes, Is.EqualTo(budget));
    }

    [Test]
    public void TheCacheIsNotCopiedIntoTheArena()
    {
        PlanSummary Plan(IReadOnlyList<StateBinding> bindings)
        {
            using InferenceSession planned = new(Decoder(), new SessionOptions { ThreadCount = 1, PlanOnly = true, StateBindings = bindings });
            return planned.Plan(Types(1, 1000));
        }

        // What comes in is put where it goes out.
        Assert.That(Plan([]).ArenaBytes - Plan(DecoderBindings(1001)).ArenaBytes, Is.GreaterThanOrEqualTo(2 * 1001 * Heads * HeadSize * sizeof(float)));
    }

    [Test]
    public void AStateWhoseShapeStaysIsReadAndWrittenWhereItIs()
    {
        Graph graph = RewrittenGraph.Of(LongShortTermMemory(), new Dictionary<string, Shape> { ["x"] = new(3, 1, 4), ["h"] = new(1, 1, Hidden), ["c"] = new(1, 1, Hidden) });
        using WorkerPool workers = new(1);
        using ExecutionPlan plan = Planner.Plan(graph, workers, external: new HashSet<Value> { graph.Inputs[1], graph.Inputs[2], graph.Outputs[1], graph.Outputs[2] });
        Assert.That(Enumerable.Range(0, 3).Select(plan.IsExternalInput), Is.EqualTo(new[] { false, true, true }));
        Assert.That(Enumerable.Range(0, 3).Select(plan.IsExternalOutput), Is.EqualTo(new[] { false, true, true }));
    }

    [Test]
    public void AnOutputThatIsNotComputedInPlaceIsCopied()
    {
        // One input goes out as the other one's next value: a line of delays.
        ModelBuilder builder = new ModelBuilder(17)
            .Input("x", ElementType.Float32, 2).Input("a", ElementType.Float32, 2).Input("b", ElementType.Float32, 2)
            .Output("a.next").Output("b.next").Output("y")
            .Node("Identity", "x", "a.next").Node("Identity", "a", "b.next").Node("Add", "a b", "y");
        using InferenceSession session = new(Load(builder), new SessionOptions { ThreadCount = 1, StateBindings = [new("a.next", "a"), new("b.next", "b")] });
        using SessionState state = session.CreateState();
        float[] sums = [.. Enumerable.Range(1, 4).Select(i => session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TensorBuffer.Create<float>([i, i], 2) }, state)["y"].Span<float>()[0])];
        Assert.That(sums, Is.EqualTo(new float[] { 0, 1, 3, 5 }));
        state.Write("b", TensorBuffer.Create<float>([10, 10], 2));
        Assert.That(session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TensorBuffer.Create<float>([0, 0], 2) }, state)["y"].Span<float>()[0], Is.EqualTo(14));
    }

    [Test]
    public void WrongBindingsAreRefused()
    {
        void Refused(string message, params StateBinding[] bindings) =>
            Assert.That(Assert.Throws<ArgumentException>(() => new InferenceSession(Decoder(), new SessionOptions { StateBindings = bindings }))!.Message, Does.Contain(message));

        StateBinding key = DecoderBindings(8)[0];
        Refused("no output 'q'", key with { Output = "q" });
        Refused("no input 'q'", key with { Input = "q" });
        Refused("not one of its 4 axes", key with { Axis = 4 });
        Refused("the capacity must be positive", key with { Capacity = 0 });
        Refused("more bytes than 63 bits can count", key with { Capacity = 1L << 61 });
        Refused("more bytes than 63 bits can count", key with { Capacity = long.MaxValue });
        Refused("the window smaller", key with { Window = 8 });
        Refused("no axis along which", key with { Axis = null, Shape = new Shape(1, Heads, 4, HeadSize) });
        Refused("can each be bound to one other only", key, key with { Output = "present.value" });
        Refused("give its binding a shape", key with { Axis = null, Capacity = 0 });
        Refused("it must grow", key with { Axis = null, Capacity = 0, Shape = new Shape(1, Heads, 4, HeadSize), StoredElementType = ElementType.Int8 });
        Assert.Throws<ArgumentException>(() => _ = key with { StoredElementType = ElementType.Int64 });
    }

    [Test]
    public void WrongUsesAreRefused()
    {
        using InferenceSession session = new(Decoder(), new SessionOptions { ThreadCount = 1, StateBindings = DecoderBindings(8) });
        using InferenceSession other = new(Decoder(), new SessionOptions { ThreadCount = 1, StateBindings = DecoderBindings(8) });
        using InferenceSession plain = new(Decoder(), new SessionOptions { ThreadCount = 1 });
        using SessionState foreign = other.CreateState();
        SessionState state = session.CreateState();
        TensorBuffer x = TestTensors.Floats(1, 1, 1, Hidden);
        Assert.Throws<InvalidOperationException>(() => session.Run(Tokens(x)));
        Assert.Throws<InvalidOperationException>(() => plain.CreateState());
        Assert.Throws<ArgumentException>(() => session.Run(Tokens(x), foreign));
        Assert.Throws<InvalidInputException>(() => session.Run(new Dictionary<string, TensorBuffer> { ["x"] = x, ["past.key"] = Empty() }, state));
        Assert.Throws<InvalidInputException>(() => session.Run(new Dictionary<string, TensorBuffer>(), state));
        Assert.Throws<InvalidInputException>(() => state.Write("past.key", TestTensors.Floats(1, 1, Heads, 9, HeadSize)));
        Assert.Throws<InvalidInputException>(() => state.Write("past.key", TestTensors.Floats(1, 1, Heads + 1, 2, HeadSize)));
        Assert.Throws<ArgumentException>(() => state.Read("x"));
        state.Dispose();
        state.Dispose();
        Assert.Throws<ObjectDisposedException>(() => session.Run(Tokens(x), state));
        Assert.Throws<ObjectDisposedException>(() => state.Reset());
        SessionState left = session.CreateState();
        session.Dispose();
        Assert.Throws<ObjectDisposedException>(() => left.Read("past.key"));
        left.Dispose();
    }

    private Model Load(ModelBuilder builder) => Model.Load(_folder.Write("model.onnx", builder.ToBytes()));

    private static Dictionary<string, TensorBuffer> Tokens(TensorBuffer x) => new() { ["x"] = x };

    private static TensorBuffer Empty() => new(ElementType.Float32, new Shape(1, Heads, 0, HeadSize));

    private static float[] Entry(TensorBuffer tensor, int axis, int index)
    {
        long inner = tensor.Shape.Product(axis + 1, 3);
        float[] elements = tensor.Span<float>().ToArray();
        return [.. Enumerable.Range(0, (int)tensor.Shape.Product(0, axis)).SelectMany(outer => elements.Skip((int)((outer * tensor.Shape[axis] + index) * inner)).Take((int)inner))];
    }

    private static Dictionary<string, TensorType> Types(long length, long past) => new()
    {
        ["x"] = new TensorType(ElementType.Float32, new Shape(1, length, Hidden)),
        ["past.key"] = new TensorType(ElementType.Float32, new Shape(1, Heads, past, HeadSize)),
        ["past.value"] = new TensorType(ElementType.Float32, new Shape(1, Heads, past, HeadSize)),
    };

    private static IReadOnlyList<StateBinding> DecoderBindings(long capacity) =>
    [
        new("present.key", "past.key") { Axis = 2, Capacity = capacity },
        new("present.value", "past.value") { Axis = -2, Capacity = capacity },
    ];

    private Model LongShortTermMemory() => Load(new ModelBuilder(17)
        .Input("x", ElementType.Float32, 3, 1, 4).Input("h", ElementType.Float32, 1, 1, Hidden).Input("c", ElementType.Float32, 1, 1, Hidden)
        .Output("y").Output("hn").Output("cn")
        .Initializer("w", TestTensors.Floats(11, 1, 4 * Hidden, 4)).Initializer("r", TestTensors.Floats(12, 1, 4 * Hidden, Hidden)).Initializer("b", TestTensors.Floats(13, 1, 8 * Hidden))
        .Node("LSTM", "x w r b - h c", "y hn cn", ("hidden_size", (long)Hidden)));

    // One layer of a GPT-2: what it has seen comes in as past, and goes out longer as present.
    private Model Decoder(bool hasMask = false)
    {
        ModelBuilder builder = new ModelBuilder(17)
            .Input("x", ElementType.Float32, 1, -1, Hidden).Input("past.key", ElementType.Float32, 1, Heads, -1, HeadSize).Input("past.value", ElementType.Float32, 1, Heads, -1, HeadSize)
            .Output("y").Output("present.key").Output("present.value")
            .Initializer("heads", TensorBuffer.Create<long>([1, -1, Heads, HeadSize], 4)).Initializer("whole", TensorBuffer.Create<long>([1, -1, Hidden], 3))
            .Initializer("scale", TensorBuffer.Create<float>([1 / MathF.Sqrt(HeadSize)]));
        int seed = 20;
        foreach (string name in (string[])["q", "k", "v", "o"])
        {
            builder.Initializer($"w.{name}", TestTensors.Floats(seed++, Hidden, Hidden));
        }

        foreach (string name in (string[])["q", "k", "v"])
        {
            builder.Node("MatMul", $"x w.{name}", $"{name}.flat").Node("Reshape", $"{name}.flat heads", $"{name}.split").Node("Transpose", $"{name}.split", name, ("perm", new long[] { 0, 2, 1, 3 }));
        }

        builder.Node("Concat", "past.key k", "present.key", ("axis", -2L)).Node("Concat", "past.value v", "present.value", ("axis", -2L))
            .Node("Transpose", "present.key", "keys", ("perm", new long[] { 0, 1, 3, 2 })).Node("MatMul", "q keys", "scores").Node("Mul", "scores scale", "scaled");
        if (hasMask)
        {
            builder.Input("mask", ElementType.Float32, 1, -1).Node("Add", "scaled mask", "masked");
            foreach ((int input, int axis, string name) in ((int, int, string)[])[(0, 1, "tokens"), (1, 2, "past"), (2, 2, "past"), (3, 1, "total")])
            {
                builder.Graph.Input[input].Type.TensorType.Shape.Dim[axis].DimParam = name;
            }
        }

        builder.Node("Softmax", hasMask ? "masked" : "scaled", "weights", ("axis", -1L)).Node("MatMul", "weights present.value", "context")
            .Node("Transpose", "context", "context.split", ("perm", new long[] { 0, 2, 1, 3 })).Node("Reshape", "context.split whole", "context.flat")
            .Node("MatMul", "context.flat w.o", "attended").Node("Add", "attended x", "y");
        return Load(builder);
    }

    // Attention to a cache in the ways in which models spell it, with heads that share keys.
    private static ModelBuilder CacheUser(string form, int group, int size)
    {
        int valueSize = form == "GroupQueryAttention" ? size : size + 1;
        ModelBuilder builder = new ModelBuilder(23, "com.microsoft")
            .Input("q", ElementType.Float32, 1, 2 * group, -1, size).Input("k", ElementType.Float32, 1, 2, -1, size).Input("v", ElementType.Float32, 1, 2, -1, valueSize)
            .Input("past.key", ElementType.Float32, 1, 2, -1, size).Input("past.value", ElementType.Float32, 1, 2, -1, valueSize)
            .Output("y").Output("present.key").Output("present.value");
        if (form == "Attention")
        {
            return builder.Node("Attention", "q k v - past.key past.value", "y present.key present.value", ("is_causal", 1L), ("scale", 0.3f));
        }

        builder.Initializer("tokens", TensorBuffer.Create<long>([0, 0, -1], 3));
        if (form is "Attention of tokens" or "GroupQueryAttention")
        {
            foreach (string name in (string[])["q", "k", "v"])
            {
                builder.Node("Transpose", name, $"{name}.turned", ("perm", new long[] { 0, 2, 1, 3 })).Node("Reshape", $"{name}.turned tokens", $"{name}.tokens");
            }
        }

        if (form == "Attention of tokens")
        {
            return builder.Node("Attention", "q.tokens k.tokens v.tokens - past.key past.value", "y present.key present.value", ("is_causal", 1L), ("q_num_heads", 2L * group), ("kv_num_heads", 2L));
        }

        if (form == "GroupQueryAttention")
        {
            // The lengths follow from the shapes, as they do in a model whose total length is computed from its mask.
            return builder.Node("Shape", "past.key", "past.length", ("start", 2L), ("end", 3L)).Node("Shape", "k", "new.length", ("start", 2L), ("end", 3L)).Node("Add", "past.length new.length", "total.long")
                .Initializer("one", TensorBuffer.Create<long>([1], 1)).Node("Sub", "total.long one", "last.long").Node("Cast", "total.long", "total.int", ("to", (long)ElementType.Int32)).Node("Cast", "last.long", "last", ("to", (long)ElementType.Int32))
                .Initializer("none", TensorBuffer.Create<long>([], 0)).Node("Reshape", "total.int none", "total")
                .Node("com.microsoft", "GroupQueryAttention", "q.tokens k.tokens v.tokens past.key past.value last total", "y present.key present.value", ("num_heads", 2L * group), ("kv_num_heads", 2L));
        }

        builder.Initializer("scale", TensorBuffer.Create<float>([0.3f])).Initializer("group", TensorBuffer.Create<long>([1, 1, group, 1, 1], 5)).Initializer("two", TensorBuffer.Create<long>([2], 1))
            .Initializer("keys.shape", TensorBuffer.Create<long>([1, 2 * group, -1, size], 4)).Initializer("values.shape", TensorBuffer.Create<long>([1, 2 * group, -1, valueSize], 4))
            .Node("Concat", "past.key k", "present.key", ("axis", -2L)).Node("Concat", "past.value v", "present.value", ("axis", 2L));
        (string keys, string values) = ("present.key", "present.value");
        if (group > 1)
        {
            builder.Node("Unsqueeze", "present.key two", "key.five").Node("Expand", "key.five group", "key.wide").Node("Reshape", "key.wide keys.shape", keys = "keys")
                .Node("Unsqueeze", "present.value two", "value.five").Node("Expand", "value.five group", "value.wide").Node("Reshape", "value.wide values.shape", values = "values");
        }

        builder.Node("Transpose", keys, "turned", ("perm", new long[] { 0, 1, 3, 2 }));
        if (form == "scaled queries")
        {
            builder.Node("Mul", "q scale", "scaled.q").Node("MatMul", "scaled.q turned", "scores");
        }
        else
        {
            builder.Node("MatMul", "q turned", "products").Node("Div", "products scale", form == "two biases" ? "scaled" : "scores");
        }

        if (form == "two biases")
        {
            builder.Input("mask", ElementType.Float32, 1, 1, -1, -1).Initializer("offset", TestTensors.Floats(77, 1, 2 * group, 1, 1)).Node("Add", "mask scaled", "masked").Node("Add", "masked offset", "scores");
        }

        return builder.Node("Softmax", "scores", "weights", ("axis", -1L)).Node("MatMul", $"weights {values}", "y");
    }

    private static TensorBuffer First(TensorBuffer cache, int length)
    {
        TensorBuffer part = new(ElementType.Float32, cache.Shape.With(2, length));
        long row = cache.Shape[2] * cache.Shape[3];
        for (int head = 0; head < 2; head++)
        {
            cache.Span<float>().Slice((int)(head * row), (int)(length * cache.Shape[3])).CopyTo(part.Span<float>()[(int)(head * length * cache.Shape[3])..]);
        }

        return part;
    }

    private sealed class SynchronousProgress(Action<RunProgress> report) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => report(value);
    }
}
