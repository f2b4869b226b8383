namespace OnnxStream.Interop.Diffusion.Tests.TinyShapes;

/// <summary>The outlines of the shapes, for drawing them and for recognising them.</summary>
internal static class ShapeGeometry
{
    /// <summary>How far a shape of radius 1 reaches from its centre: to either side, up, down.</summary>
    public static (double Side, double Up, double Down) Extent(ShapeKind shape) => shape switch
    {
        ShapeKind.Square => (0.86, 0.86, 0.86),
        ShapeKind.Triangle => (0.95, 1, 0.8),
        ShapeKind.Star => (1.15 * Math.Sin(Math.Tau / 5), 1.15, 1.15 * Math.Cos(Math.PI / 5)),
        ShapeKind.Diamond => (1.15 / 1.3, 1.15, 1.15),
        _ => (1, 1, 1),
    };

    /// <summary>The distance of a point to the outline, negative inside; the point is relative to the centre, y grows downwards.</summary>
    public static double Distance(ShapeKind shape, double x, double y, double radius)
    {
        double fromCentre = Math.Sqrt((x * x) + (y * y));
        return shape switch
        {
            ShapeKind.Circle => fromCentre - radius,
            ShapeKind.Square => Math.Max(Math.Abs(x), Math.Abs(y)) - (0.86 * radius),
            ShapeKind.Triangle => Math.Max(y - (0.8 * radius), ((1.8 * Math.Abs(x)) - (0.95 * (y + radius))) / Math.Sqrt((1.8 * 1.8) + (0.95 * 0.95))),
            ShapeKind.Star => StarDistance(x, y, 1.15 * radius),
            ShapeKind.Ring => Math.Abs(fromCentre - (0.76 * radius)) - (0.24 * radius),
            ShapeKind.Diamond => ((1.3 * Math.Abs(x)) + Math.Abs(y) - (1.15 * radius)) / Math.Sqrt((1.3 * 1.3) + 1),
            _ => throw new ArgumentOutOfRangeException(nameof(shape)),
        };
    }

    /// <summary>A polygon of ten corners, in turn at the full radius and at 0.45 of it, the first pointing up.</summary>
    private static double StarDistance(double x, double y, double radius)
    {
        double nearest = double.MaxValue;
        bool inside = false;
        for (int corner = 0; corner < 10; corner++)
        {
            (double x0, double y0) = Corner(corner);
            (double x1, double y1) = Corner(corner + 1);
            double dx = x1 - x0, dy = y1 - y0;
            double along = Math.Clamp((((x - x0) * dx) + ((y - y0) * dy)) / ((dx * dx) + (dy * dy)), 0, 1);
            double ex = x - x0 - (along * dx), ey = y - y0 - (along * dy);
            nearest = Math.Min(nearest, Math.Sqrt((ex * ex) + (ey * ey)));

            // A ray to the right changes sides at each edge that it crosses.
            if ((y0 > y) != (y1 > y) && x < x0 + (dx * (y - y0) / dy))
            {
                inside = !inside;
            }
        }

        return inside ? -nearest : nearest;

        (double X, double Y) Corner(int index)
        {
            double reach = index % 2 == 0 ? radius : 0.45 * radius;
            (double sin, double cos) = Math.SinCos(index * Math.PI / 5);
            return (reach * sin, -reach * cos);
        }
    }
}
