using OnnxStream.Interop.Kernels.Managed;
using OnnxStream.Interop.Kernels.Xnnpack;

namespace OnnxStream.Interop.Tests.Kernels.Xnnpack;

public class XnnPooling2dTests
{
    // input, output, kernel, stride, dilation, pads
    [TestCase(9, 4, 3, 2, 1, 0, 0, true)]
    [TestCase(9, 5, 3, 2, 1, 1, 1, true)]
    [TestCase(8, 4, 3, 2, 1, 0, 0, true, Description = "The last window is cut off.")]
    [TestCase(9, 9, 1, 1, 1, 0, 0, false, Description = "A window of one element.")]
    [TestCase(9, 3, 2, 3, 1, 0, 0, false, Description = "Elements between two windows.")]
    [TestCase(9, 3, 3, 2, 2, 0, 0, false, Description = "Dilation.")]
    [TestCase(9, 8, 3, 2, 1, 3, 3, false, Description = "A window without any of the input.")]
    [TestCase(1, 3, 2, 1, 1, 1, 2, false, Description = "A window behind the input.")]
    [TestCase(2000, 1998, 3, 1, 1, 0, 0, false, Description = "The table of addresses would be large.")]
    [TestCase(1 << 20, 1, 1 << 20, 1, 1, 0, 0, false, Description = "Sizes whose product is no 32-bit number.")]
    public void Supports(long input, long output, long kernel, long stride, long dilation, long padBegin, long padEnd, bool expected)
    {
        PoolingGeometry geometry = new(1, [input, input], [output, output], [kernel, kernel], [stride, stride], [dilation, dilation], [padBegin, padBegin], [padEnd, padEnd]);
        Assert.That(XnnPooling2d.Supports(geometry), Is.EqualTo(expected));
    }
}
