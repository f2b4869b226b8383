using CsCheck;

namespace OnnxStream.Interop.Tests.Properties;

/// <summary>Resize: all modes, by factors and to sizes.</summary>
[NativeMemoryLeakCheck]
public class ResizeProperties
{
    [Test]
    public void Nearest() => Property.Check(
        from rank in Gen.Int[1, 4]
        from shape in Gen.Long[1, 7].Array[rank]
        from sizes in Gen.Long[1, 12].Array[rank]
        from transformation in Property.OneOf("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
        from rounding in Property.OneOf("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
        from seed in Property.Numbers
        select Resize(shape, sizes, seed).Attribute("mode", "nearest").Attribute("coordinate_transformation_mode", transformation).Attribute("nearest_mode", rounding));

    [Test]
    public void Linear() => Property.Check(
        from channels in Gen.Long[1, 4].Array[2]
        from image in Gen.Long[1, 9].Array[2]
        from sizes in Gen.Long[1, 15].Array[2]
        from transformation in Property.OneOf("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
        from seed in Property.Numbers
        select Resize([.. channels, .. image], [.. channels, .. sizes], seed).Attribute("mode", "linear").Attribute("coordinate_transformation_mode", transformation));

    [Test]
    public void Cubic() => Property.Check(
        from channels in Gen.Long[1, 4].Array[2]
        from image in Gen.Long[1, 9].Array[2]
        from sizes in Gen.Long[1, 15].Array[2]
        from transformation in Property.OneOf("half_pixel", "asymmetric", "align_corners")
        from coefficient in Property.OneOf(-0.75f, -0.5f)
        from excludes in Gen.Bool
        from seed in Property.Numbers
        select Resize([.. channels, .. image], [.. channels, .. sizes], seed).Attribute("mode", "cubic").Attribute("coordinate_transformation_mode", transformation).Attribute("cubic_coeff_a", coefficient).Attribute("exclude_outside", excludes ? 1 : 0));

    private static OperatorTester Resize(long[] shape, long[] sizes, int seed) =>
        new OperatorTester("Resize", 13) { Tolerance = 2e-4 }.Input(TestTensors.Floats(seed, shape)).Input(null).Input(null).Constant(TestTensors.Integers(sizes));
}
