"""What watches: buckets, the queue, and workers that went silent."""
