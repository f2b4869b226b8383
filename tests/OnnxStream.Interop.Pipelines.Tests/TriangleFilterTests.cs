namespace OnnxStream.Interop.Pipelines.Tests;

internal sealed class TriangleFilterTests
{
    [Test]
    public void A_line_of_the_same_length_is_the_same() =>
        Assert.That(Apply([3, 1, 4, 1, 5], 5), Is.EqualTo((float[])[3, 1, 4, 1, 5]));

    // Worked out by hand from the definition.
    [Test]
    public void Half_as_many_pixels_are_made_of_four_neighbours() =>
        Assert.That(Apply([0, 8, 16, 24], 2), Is.EqualTo((float[])[(3 * 0 + 3 * 8 + 16) / 7f, (8 + 3 * 16 + 3 * 24) / 7f]).Within(1e-5f));

    [Test]
    public void Twice_as_many_pixels_lie_between_two() =>
        Assert.That(Apply([0, 8], 4), Is.EqualTo((float[])[0, 2, 6, 8]).Within(1e-6f));

    [Test]
    public void Weights_add_up_to_one([Values(1, 2, 7, 100)] int length, [Values(1, 3, 64, 333)] int target) =>
        Assert.That(TriangleFilter.Create(length, target).Select(pixel => pixel.Weights.Sum()), Is.All.EqualTo(1).Within(1e-5f));

    private static float[] Apply(float[] line, int target) =>
        [.. TriangleFilter.Create(line.Length, target).Select(pixel => pixel.Weights.Select((weight, k) => weight * line[pixel.First + k]).Sum())];
}
