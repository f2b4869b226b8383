namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ResizeTests
{
    private static readonly string[] s_coordinates = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn", "half_pixel_symmetric"];
    private static readonly string[] s_nearest = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"];
    private static readonly (float Height, float Width)[] s_scales = [(2, 2), (1.5f, 0.7f), (0.5f, 3), (0.26f, 1), (1, 2.3f)];

    [Test]
    public void Nearest([ValueSource(nameof(s_coordinates))] string coordinates, [ValueSource(nameof(s_nearest))] string nearest, [ValueSource(nameof(s_scales))] (float Height, float Width) scale) =>
        Scaled(19, TestTensors.Floats(1, 2, 3, 7, 9), scale).Attribute("mode", "nearest").Attribute("coordinate_transformation_mode", coordinates).Attribute("nearest_mode", nearest).Check(constantsToo: false);

    [Test]
    public void Linear([ValueSource(nameof(s_coordinates))] string coordinates, [ValueSource(nameof(s_scales))] (float Height, float Width) scale) =>
        Scaled(19, TestTensors.Floats(1, 2, 3, 7, 9), scale).Attribute("mode", "linear").Attribute("coordinate_transformation_mode", coordinates).Check(constantsToo: false);

    [Test]
    public void Cubic([ValueSource(nameof(s_coordinates))] string coordinates, [ValueSource(nameof(s_scales))] (float Height, float Width) scale, [Values(0, 1)] int excludeOutside) =>
        Scaled(19, TestTensors.Floats(1, 1, 2, 7, 9), scale).Attribute("mode", "cubic").Attribute("coordinate_transformation_mode", coordinates)
            .Attribute("exclude_outside", excludeOutside).Attribute("cubic_coeff_a", excludeOutside == 0 ? -0.75f : -0.5f).Check(constantsToo: false);

    [Test]
    public void Antialiased([Values("linear", "cubic")] string mode, [Values("half_pixel", "align_corners", "asymmetric")] string coordinates, [ValueSource(nameof(s_scales))] (float Height, float Width) scale, [Values(0, 1)] int excludeOutside) =>
        Scaled(18, TestTensors.Floats(1, 1, 2, 17, 9), scale).Attribute("mode", mode).Attribute("antialias", 1).Attribute("coordinate_transformation_mode", coordinates)
            .Attribute("exclude_outside", excludeOutside).Check(constantsToo: false);

    [Test]
    public void Sizes([Values("nearest", "linear", "cubic")] string mode, [Values(11, 13, 18, 19)] int operatorSet) =>
        new OperatorTester("Resize", operatorSet).Input(TestTensors.Floats(1, 1, 2, 5, 6))
            .Input(operatorSet == 11 ? TestTensors.Floats(1, 0) : null, true).Input(operatorSet == 11 ? TestTensors.Floats(1, 0) : null, true).Constant(TestTensors.Integers(1, 2, 7, 4))
            .Attribute("mode", mode).Check(constantsToo: false);

    [Test]
    public void SizesAtRunTime() =>
        new OperatorTester("Resize", 13).Input(TestTensors.Floats(1, 1, 2, 5, 6)).Input(null).Input(null).Input(TestTensors.Integers(1, 2, 7, 4)).Check();

    [TestCase("stretch")]
    [TestCase("not_larger")]
    [TestCase("not_smaller")]
    public void AspectRatio(string policy) =>
        new OperatorTester("Resize", 18).Input(TestTensors.Floats(1, 1, 2, 5, 6)).Input(null).Input(null).Constant(TestTensors.Integers(9, 7))
            .Attribute("axes", new[] { 2, 3 }).Attribute("keep_aspect_ratio_policy", policy).Attribute("mode", "linear").Check();

    [Test]
    public void ScalesOfSomeAxes([Values("nearest", "linear")] string mode) =>
        new OperatorTester("Resize", 18).Input(TestTensors.Floats(1, 1, 5, 6, 2)).Input(null).Constant(TestTensors.FromDoubles(ElementType.Float32, [2, 1.5], 2))
            .Attribute("axes", new[] { 2, 1 }).Attribute("mode", mode).Check();

    [TestCase(new float[] { 2.5f, 1.5f })]
    [TestCase(new float[] { 1.7f, 2f, 0.5f })]
    [TestCase(new float[] { 1, 1, 1.7f, 2f, 0.5f })]
    public void LinearOverDimensions(float[] scales) =>
        new OperatorTester("Resize", 13).Input(TestTensors.Floats(1, [.. new long[] { 4, 3, 5, 6, 7 }[..scales.Length]])).Input(null).Constant(Scales(scales)).Attribute("mode", "linear").Check();

    [Test]
    public void LinearOverOneDimension()
    {
        // ONNX Runtime wants at least two: give it one of length 1.
        TensorBuffer actual = new OperatorTester("Resize", 13).Input(TestTensors.Floats(1, 6)).Input(null).Constant(Scales(2.5f)).Attribute("mode", "linear").Run();
        TensorBuffer expected = new OperatorTester("Resize", 13).Input(TestTensors.Floats(1, 1, 6)).Input(null).Constant(Scales(1, 2.5f)).Attribute("mode", "linear").Run();
        TestTensors.AssertNumbersClose(actual, TestTensors.ToDoubles(expected), 0, "Resize");
    }

    [Test]
    public void ChannelsLast([Values("nearest", "linear")] string mode) =>
        new OperatorTester("Resize", 13).Input(TestTensors.Floats(1, 1, 5, 6, 33)).Input(null).Constant(Scales(1, 2, 1.5f, 1)).Attribute("mode", mode).Check();

    [Test]
    public void CropAndResize([Values("nearest", "linear", "cubic")] string mode, [Values(0f, 7.5f)] float filler) =>
        new OperatorTester("Resize", 13) { Tolerance = 1e-5 }.Input(TestTensors.Floats(1, 1, 2, 7, 8)).Constant(Scales(0, 0, 0.3f, -0.2f, 1, 1, 0.8f, 1.3f)).Constant(Scales(1, 1, 1.5f, 0.8f))
            .Attribute("mode", mode).Attribute("coordinate_transformation_mode", "tf_crop_and_resize").Attribute("extrapolation_value", filler).Check();

    [Test]
    public void Resize10([Values("nearest", "linear")] string mode, [ValueSource(nameof(s_scales))] (float Height, float Width) scale) =>
        new OperatorTester("Resize", 10).Input(TestTensors.Floats(1, 1, 2, 5, 6)).Constant(Scales(1, 1, scale.Height, scale.Width)).Attribute("mode", mode).Check();

    [Test]
    public void Upsample([Values("nearest", "linear")] string mode, [Values(1f, 2f, 2.3f)] float scale)
    {
        new OperatorTester("Upsample", 7).Input(TestTensors.Floats(1, 1, 2, 5, 6)).Attribute("mode", mode).Attribute("scales", new[] { 1, 1, scale, 2f }).Check();
        new OperatorTester("Upsample", 9).Input(TestTensors.Floats(1, 1, 2, 5, 6)).Constant(Scales(1, 1, scale, 2f)).Attribute("mode", mode).Check();
    }

    [Test]
    public void NearestOfOtherTypes([Values(ElementType.UInt8, ElementType.Int8, ElementType.Int32)] ElementType type) =>
        new OperatorTester("Resize", 13).Input(TestTensors.Random(type, 1, 0, 90, 1, 2, 5, 6)).Input(null).Constant(Scales(1, 1, 2, 1.7f)).Output(type).Check();

    [TestCase(ElementType.Int64)]
    [TestCase(ElementType.Bool)]
    [TestCase(ElementType.Float64)]
    [TestCase(ElementType.Float16)]
    public void NearestCopiesBits(ElementType type)
    {
        double[] values = [1, 0, 1, 1, 0, 1];
        TensorBuffer actual = new OperatorTester("Resize", 13).Input(TestTensors.FromDoubles(type, values, 2, 3)).Input(null).Constant(Scales(2, 1)).Output(type).Run();
        Assert.That(TestTensors.ToDoubles(actual), Is.EqualTo(new double[] { 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1 }));
    }

    [Test]
    public void LinearOfOtherTypes([Values(ElementType.UInt8, ElementType.Int8, ElementType.Int32)] ElementType type) =>
        new OperatorTester("Resize", 13).Input(TestTensors.Random(type, 1, 0, 90, 1, 2, 5, 6)).Input(null).Constant(Scales(1, 1, 2, 4f)).Attribute("mode", "linear").Output(type).Check();

    [TestCase(ElementType.Float64, 1e-6)]
    [TestCase(ElementType.Float16, 2e-3)]
    public void OtherPrecisions(ElementType type, double tolerance)
    {
        TensorBuffer input = TestTensors.Random(type, 1, -3, 3, 1, 2, 9, 10);
        TensorBuffer single = TestTensors.FromDoubles(ElementType.Float32, TestTensors.ToDoubles(input), 1, 2, 9, 10);
        foreach (string mode in (string[])["linear", "cubic"])
        {
            TensorBuffer expected = new OperatorTester("Resize", 13).Input(single).Input(null).Constant(Scales(1, 1, 1.6f, 0.7f)).Attribute("mode", mode).Run();
            TensorBuffer actual = new OperatorTester("Resize", 13).Input(input).Input(null).Constant(Scales(1, 1, 1.6f, 0.7f)).Attribute("mode", mode).Output(type).Run();
            TestTensors.AssertNumbersClose(actual, TestTensors.ToDoubles(expected), tolerance, mode);
        }
    }

    [Test]
    public void LargeImages([Values("nearest", "linear")] string mode) =>
        new OperatorTester("Resize", 13).Input(TestTensors.Floats(1, 1, 8, 96, 100)).Input(null).Constant(Scales(1, 1, 2, 2)).Attribute("mode", mode).Check(constantsToo: false);

    [Test]
    public void Empty() =>
        new OperatorTester("Resize", 13).Input(TestTensors.Floats(1, 1, 0, 4, 5)).Input(null).Constant(Scales(1, 1, 2, 2)).Check();

    [Test]
    public void WrongAttributes()
    {
        Assert.Throws<InvalidGraphException>(() => Scaled(13, TestTensors.Floats(1, 1, 1, 2, 2), (2, 2)).Attribute("mode", "lanczos").Run());
        Assert.Throws<InvalidGraphException>(() => Scaled(13, TestTensors.Floats(1, 1, 1, 2, 2), (2, 2)).Attribute("coordinate_transformation_mode", "x").Run());
        Assert.Throws<InvalidGraphException>(() => Scaled(13, TestTensors.Floats(1, 1, 1, 2, 2), (2, 2)).Attribute("nearest_mode", "x").Run());
        Assert.Throws<InvalidGraphException>(() => Scaled(13, TestTensors.Floats(1, 1, 1, 2, 2), (-2, 2)).Run());
        Assert.Throws<InvalidGraphException>(() => Scaled(13, TestTensors.Floats(1, 1, 1, 2, 2), (float.NaN, 2)).Run());
        Assert.Throws<InvalidGraphException>(() => Scaled(13, TestTensors.Floats(1, 1, 1, 2, 2), (1e20f, 2)).Run());
        Assert.Throws<InvalidGraphException>(() => Scaled(13, TestTensors.Floats(1, 1, 2, 2), (2, 2)).Run());
        Assert.Throws<InvalidGraphException>(() => new OperatorTester("Resize", 13).Input(TestTensors.Floats(1, 2, 2)).Run());
        Assert.Throws<InvalidGraphException>(() => new OperatorTester("Resize", 13).Input(TestTensors.Floats(1, 2, 2)).Input(null).Input(null).Constant(TestTensors.Integers(-1, 2)).Run());
    }

    private static TensorBuffer Scales(params float[] scales) => TensorBuffer.Create<float>(scales, scales.Length);

    private static OperatorTester Scaled(int operatorSet, TensorBuffer input, (float Height, float Width) scale) =>
        new OperatorTester("Resize", operatorSet).Input(input).Input(null).Constant(Scales(1, 1, scale.Height, scale.Width));

    // Found by mutated models: the output was made a view when it had memory of its own already.
    [Test]
    public void Scalar([Values("nearest", "linear")] string mode)
    {
        TensorBuffer scalar = TensorBuffer.Create<float>([3]);
        OperatorTester tester = new OperatorTester("Resize", 13).Input(scalar).Input(null).Constant(new TensorBuffer(ElementType.Float32, new Shape(0))).Attribute("mode", mode);
        TestTensors.AssertClose(tester.Run(), scalar, 0, "Resize");
    }

    // Found by mutated models: tables for more pixels than .NET's arrays hold.
    [Test]
    public void HugeSizes() =>
        new OperatorTester("Resize", 13).Input(TestTensors.Floats(1, 1, 1, 2, 2)).Input(null).Input(null).Constant(TestTensors.Integers(1, 1, 2, 1L << 33)).Attribute("mode", "linear").Fails<InvalidGraphException>();
}
