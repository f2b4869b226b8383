using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Tests.Kernels;

public class ConvolutionChoiceTests
{
    [TestCase(320, 320, 64, 3, 1, 1, ConvolutionAlgorithm.Winograd, ConvolutionAlgorithm.StreamedWinograd)]
    [TestCase(64, 64, 224, 3, 1, 1, ConvolutionAlgorithm.Winograd, ConvolutionAlgorithm.Winograd)]
    [TestCase(128, 3, 512, 3, 1, 1, ConvolutionAlgorithm.Winograd, ConvolutionAlgorithm.Winograd)]
    [TestCase(256, 256, 14, 3, 1, 1, ConvolutionAlgorithm.Windows, ConvolutionAlgorithm.StreamedWinograd)]
    [TestCase(1280, 1280, 16, 3, 1, 1, ConvolutionAlgorithm.Windows, ConvolutionAlgorithm.Windows)]
    [TestCase(320, 320, 64, 3, 2, 1, ConvolutionAlgorithm.Windows, ConvolutionAlgorithm.Windows)]
    [TestCase(320, 640, 32, 1, 1, 1, ConvolutionAlgorithm.Product, ConvolutionAlgorithm.Product)]
    [TestCase(320, 4, 32, 1, 1, 1, ConvolutionAlgorithm.Windows, ConvolutionAlgorithm.Windows)]
    [TestCase(3, 64, 224, 7, 2, 1, ConvolutionAlgorithm.Patches, ConvolutionAlgorithm.Patches)]
    [TestCase(96, 96, 56, 3, 1, 96, ConvolutionAlgorithm.Groups, ConvolutionAlgorithm.Groups)]
    [TestCase(96, 96, 56, 7, 1, 96, ConvolutionAlgorithm.SmallGroups, ConvolutionAlgorithm.SmallGroups)]
    [TestCase(128, 128, 56, 3, 1, 32, ConvolutionAlgorithm.SmallGroups, ConvolutionAlgorithm.SmallGroups)]
    [TestCase(1, 8, 56, 3, 1, 1, ConvolutionAlgorithm.Groups, ConvolutionAlgorithm.Groups)]
    public void LayersOfNetworks(int channels, int outputs, int size, int kernel, int stride, int groups, object expected, object expectedFromStore)
    {
        ConvolutionChoice choice = Choice(channels, outputs, size, kernel, stride, groups);
        Assert.That(choice.Choose(), Is.EqualTo(expected));
        Assert.That((choice with { IsStored = true }).Choose(), Is.EqualTo(expectedFromStore));
    }

    // Few channels would be copied patch by patch; of an image that is doubled meanwhile, only Winograd's algorithm knows.
    [Test]
    public void PatchesAreNotUpsampled()
    {
        ConvolutionChoice choice = Choice(4, 64, 56, 3, 1, 1);
        Assert.That(choice.Choose(), Is.EqualTo(ConvolutionAlgorithm.Patches));
        Assert.That((choice with { IsUpsampled = true }).Choose(), Is.Not.EqualTo(ConvolutionAlgorithm.Patches));
    }

    private static ConvolutionChoice Choice(int channels, int outputs, int size, int kernel, int stride, int groups) => new(
        new ConvolutionParameters
        {
            PaddingTop = kernel / 2, PaddingLeft = kernel / 2, PaddingBottom = kernel / 2, PaddingRight = kernel / 2, KernelHeight = kernel, KernelWidth = kernel,
            StrideHeight = stride, StrideWidth = stride, DilationHeight = 1, DilationWidth = 1, Groups = groups,
        },
        new Shape(1, size, size, channels), outputs);
}
